import { inspect } from 'node:util'
import t from 'tap'
import { type Config, DEFAULTS } from '../../../src/config/index.ts'
import { isProxyError, Secret } from '../../../src/core/index.ts'
import { buildCredentials } from '../../../src/service/index.ts'
import { hex, vectors } from '../../harness/ntlm-vectors.ts'

const PASSWORD = 'password'

const config = (change: Partial<Config>): Config => ({
  ...DEFAULTS,
  username: 'testuser',
  domain: 'corp-uk',
  ...change,
})

const secret = (text = ''): Secret<Buffer> => new Secret(hex(text))

t.test('the account and the workstation are what the configuration means', async t => {
  const password = new Secret(PASSWORD)
  const cases: [change: Partial<Config>, hostName: string, names: object][] = [
    [{}, 'build01', { user: 'testuser', domain: 'corp-uk', workstation: 'BUILD01' }],
    [{}, 'build01.corp.example', { workstation: 'BUILD01' }],
    [{}, 'a-very-long-host-name', { workstation: 'A-VERY-LONG-HOS' }],
    [{}, '', { workstation: '' }],
    [{ workstation: 'pc.1 ' }, 'build01', { workstation: 'pc.1 ' }],
    [{ username: 'CORP\\alice', domain: '' }, 'h', { user: 'alice', domain: 'CORP' }],
    [{ username: 'a@corp.example', domain: '' }, 'h', { user: 'a@corp.example', domain: '' }],
  ]
  for (const [change, hostName, names] of cases) {
    const built = buildCredentials(config({ password, ...change }), hostName)
    t.match(built.credentials, names, inspect(change))
    t.match(built.credentials, { dialect: 'NTLMv2' })
    t.strictSame(built.warnings, [])
  }
})

t.test('hashes of both versions of cntlm give the credentials that the password gives', async t => {
  // cntlm wrote PassNTLMv2 for the domain in upper case.
  const domain = 'CORP-UK'
  const fromPassword = buildCredentials(config({ domain, password: new Secret(PASSWORD) }), 'h')
  const wanted = fromPassword.credentials.ntowfV2?.reveal().toString('hex')
  const known = vectors.cntlm_hashes.filter(
    row => row.user_text === 'testuser' && row.password_text === PASSWORD,
  )
  t.ok(known.length >= 2)
  for (const row of known) {
    const hashes = { passNt: secret(row.PassNT), passNtlmV2: secret(row.PassNTLMv2) }
    for (const passEncoding of ['auto', row.inverted ? 'inverted' : 'plain'] as const) {
      const built = buildCredentials(config({ ...hashes, passEncoding }), 'h')
      t.equal(built.credentials.ntowfV2?.reveal().toString('hex'), wanted)
      t.strictSame(built.warnings, [], 'two hashes that fit leave no doubt')
    }
  }
})

t.test('what a person should look at is a warning, without anything secret', async t => {
  const password = new Secret(PASSWORD)
  const LONG = new Secret(`${PASSWORD}1234567`)
  const PassNTLMv2 = vectors.cntlm_hashes[0]?.PassNTLMv2 ?? ''
  const cases: [change: Partial<Config>, warnings: RegExp[]][] = [
    [
      { passNtlmV2: secret(PassNTLMv2) },
      [/read as inverted.*cntlm 0\.92.*once as plain.*cntlm 0\.94.*PassEncoding plain/],
    ],
    [{ passNtlmV2: secret(PassNTLMv2), passEncoding: 'plain' }, []],
    [{ password, username: 'A\\b', domain: 'C' }, [/names the domain "A", so Domain "C" is not/]],
    [{ password, username: 'b@a.example' }, [/user principal name/]],
    [{ password, username: 'stra\u00dfe' }, []],
    [{ password, dialect: 'NTLM' }, []],
    [
      { password: LONG, dialect: 'NTLM' },
      [/^Auth NTLM: Password has no LM hash.*as with Auth NT$/],
    ],
    [{ password: LONG }, []],
    [{ password, username: '\u0219erban' }, [/^Username \u0219erban: .*upper case/]],
  ]
  for (const [change, warnings] of cases) {
    const built = buildCredentials(config(change), 'h')
    t.match(built.warnings, warnings, inspect(change))
    t.equal(built.warnings.length, warnings.length)
    t.notMatch(built.warnings.join().toLowerCase(), PassNTLMv2)
    t.notMatch(inspect(built, { depth: null }), PASSWORD)
  }
})

t.test('what cannot be logged on with is a CONFIG error', async t => {
  const password = new Secret(PASSWORD)
  const cases: [change: Partial<Config>, detail: RegExp][] = [
    [{}, /^there is no password and no hash of one$/],
    [{ password, username: '' }, /names no user/],
    [{ password, username: 'CORP\\' }, /names no user/],
    [{ password, username: 'a'.repeat(105) }, /Username is 105 characters long/],
    [{ password: new Secret('p'.repeat(257)) }, /Password is 257 characters long, 256 are allowed/],
    [{ dialect: 'LM', passNt: secret('00'.repeat(16)) }, /PassLM/],
  ]
  for (const [change, detail] of cases) {
    try {
      buildCredentials(config(change), 'h')
      t.fail(`accepted ${inspect(change)}`)
    } catch (error) {
      t.ok(isProxyError(error))
      t.match(error, { code: 'CONFIG', detail })
    }
  }
})
