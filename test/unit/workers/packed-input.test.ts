import t from 'tap'
import { DEFAULTS } from '../../../src/config/index.ts'
import { parseAddressRule, Secret } from '../../../src/core/index.ts'
import { buildCredentials } from '../../../src/service/index.ts'
import { packInput, unpackInput } from '../../../src/workers/packed-input.ts'

t.test(
  'a configuration arrives whole, without the passwords that a worker does not need',
  async t => {
    const rule = parseAddressRule('10.0.0.0/8')
    if (rule === undefined) throw new Error('no rule')
    const config = {
      ...DEFAULTS,
      username: 'alice',
      domain: 'CORP',
      password: new Secret('wonderland'),
      acl: [{ action: 'allow', rule }] as const,
      socksUsers: [{ user: 'bob', password: new Secret('builder') }],
      pac: '/etc/proxy.pac',
    }
    const { credentials } = buildCredentials(config, 'host')
    const input = { config, credentials, workstation: 'HOST', configChangedAtMs: 7 }
    const wire = JSON.stringify(packInput(input))
    t.notMatch(wire, 'wonderland')
    const arrived = unpackInput(JSON.parse(wire) as ReturnType<typeof packInput>)
    t.match(arrived, { workstation: 'HOST', configChangedAtMs: 7, alternative: undefined })
    const { acl, password, socksUsers, ...plain } = arrived.config
    t.match(plain, { username: 'alice', pac: '/etc/proxy.pac', maxSessions: DEFAULTS.maxSessions })
    t.same([acl, password], [[], undefined])
    t.same(
      socksUsers.map(each => [each.user, each.password.reveal()]),
      [['bob', 'builder']],
    )
    t.same(arrived.credentials?.ntowfV2?.reveal(), credentials.ntowfV2?.reveal())
    t.match(arrived.credentials, { user: 'alice', domain: 'CORP', dialect: 'NTLMv2' })
    t.notMatch(JSON.stringify(arrived), /builder/)
  },
)
