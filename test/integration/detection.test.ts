import t from 'tap'
import { detectDialect } from '../../src/cli/dialect-detection.ts'
import { type Config, DEFAULTS } from '../../src/config/index.ts'
import { Secret, systemClock, systemEntropy } from '../../src/core/index.ts'
import { describeToken } from '../../src/demo/connection-gate.ts'
import { NtlmAcceptor } from '../../src/demo/index.ts'
import { ntowfv1 } from '../../src/ntlm/one-way-functions.ts'
import { passNtlmV2 } from '../../src/ntlm/index.ts'
import { type GuardStore, memoryGuardStore } from '../../src/service/index.ts'
import { fieldValues } from '../harness/content.ts'
import { ALICE, ntlmProxy, openProxy } from '../harness/playbook.ts'
import {
  type Script,
  type ScriptedUpstream,
  startScriptedUpstream,
} from '../harness/scripted-upstream.ts'

type Test = Pick<typeof t, 'teardown'>

const NT = ntowfv1(ALICE.password)
const V2 = passNtlmV2(NT, ALICE.user, ALICE.domain)
const hex = (hash: Buffer): string => hash.toString('hex').toUpperCase()
const inverted = (hash: Buffer): Buffer => Buffer.from(hash.map(byte => byte ^ 0xff))
const secret = (hash: Buffer): Secret<Buffer> => new Secret(Buffer.from(hash))

interface SetUp {
  readonly scripts: readonly Script[]
  readonly config?: Partial<Config>
  readonly isDialectGiven?: boolean
  readonly guardStore?: GuardStore
}

interface Detected {
  readonly code: number
  readonly lines: string[]
  readonly warnings: string[]
  /** Per upstream what it was asked, in the order of its connections. */
  readonly requests: string[][]
}

async function detect(test: Test, setUp: SetUp): Promise<Detected> {
  const { scripts, guardStore = memoryGuardStore(), isDialectGiven = false } = setUp
  const upstreams: ScriptedUpstream[] = []
  for (const script of scripts) {
    const upstream = await startScriptedUpstream(script)
    test.teardown(() => upstream.close())
    upstreams.push(upstream)
  }
  const config: Config = {
    ...DEFAULTS,
    username: ALICE.user,
    domain: ALICE.domain,
    workstation: 'CLIENT',
    password: new Secret(ALICE.password),
    upstreams: upstreams.map(({ port }) => ({ host: '127.0.0.1', port })),
    ...setUp.config,
  }
  const lines: string[] = []
  const warnings: string[] = []
  const code = await detectDialect(
    {
      config,
      configChangedAtMs: 0,
      secretOrigin: '',
      request: { method: 'GET', target: 'http://site.test/', headers: ['Host', 'site.test'] },
      isDialectGiven,
      command: dialect => `again with ${dialect}`,
    },
    { clock: systemClock, entropy: systemEntropy, guardStore },
    line => lines.push(line),
    line => warnings.push(line),
  )
  const named = lines.map(line =>
    upstreams.reduce(
      (text, { port }, i) => text.replaceAll(`127.0.0.1:${port}`, `proxy${i}`),
      line,
    ),
  )
  const requests = upstreams.map(({ connections }) =>
    connections.map(({ heads }) => heads.map(describeHead).join(', ')),
  )
  return { code, lines: named, warnings, requests }
}

function describeHead(head: string): string {
  const field = fieldValues(head, 'proxy-authorization')[0]
  return field === undefined ? 'none' : describeToken(field)
}

const FULL = ['none', 'type 1, type 3']

t.test('an accepted logon ends it, and the lines for the configuration work', async t => {
  const { code, lines, requests, warnings } = await detect(t, {
    scripts: [ntlmProxy(), ntlmProxy()],
  })
  t.equal(code, 0)
  t.strictSame(warnings, [])
  t.strictSame(requests, [FULL, []], 'a connection of its own, and no second upstream')
  t.match(lines, [
    'proxy0: asks for a logon, offers NTLM',
    'proxy0: NTLMv2 as DEMO\\alice: accepted (HTTP 200)',
    /^-+ NTLMv2: /,
    'Auth            NTLMv2',
    'PassEncoding    plain',
    `PassNTLMv2      ${hex(V2)}    # Only for user 'alice', domain 'DEMO'`,
    /^-+$/,
  ])
  const again = await detect(t, {
    scripts: [ntlmProxy()],
    config: { password: undefined, passNtlmV2: secret(V2), passEncoding: 'plain' },
  })
  t.match(again, { code: 0, lines: lines.slice(0, 1) })
  t.match(again.lines[1], /accepted/)
})

t.test('a rejection is one AUTHENTICATE, whatever upstreams and dialects there are', async t => {
  const guardStore = memoryGuardStore()
  const scripts = [ntlmProxy(), ntlmProxy()]
  const config = { password: new Secret('wonderland!') }
  const { code, lines, requests } = await detect(t, { scripts, config, guardStore })
  t.equal(code, 0)
  t.strictSame(requests, [FULL, []])
  t.equal(lines[1], 'proxy0: NTLMv2 as DEMO\\alice: rejected (HTTP 407)')
  t.match(lines.join('\n'), /for 30 min, or until[^]*: again with NTLM2SR$/)
  t.notMatch(lines.join('\n'), /PassN|wonderland/)

  for (const isDialectGiven of [false, true]) {
    const again = await detect(t, {
      scripts,
      config: { ...config, dialect: 'NTLM2SR' },
      isDialectGiven,
      guardStore,
    })
    t.equal(again.code, 1)
    t.strictSame(again.requests, [['none'], []], 'its cool-down holds for every dialect')
    t.match(again.lines[1], /: nothing was sent: .* was rejected; .*not sent again for \d+ s/)
  }
})

t.test('a dialect that was chosen is the only one', async t => {
  const old: Script = async conn => {
    const acceptor = new NtlmAcceptor({ accounts: [ALICE], allowOlderDialects: true })
    if (conn.number === 1) {
      await conn.readHead()
      return await conn.demand()
    }
    const { verdict } = await conn.demandNtlm({ acceptor })
    conn.respond(verdict.ok && verdict.dialect === 'NTLM2SR' ? '200 OK' : '407 No')
  }
  const { code, lines } = await detect(t, {
    scripts: [old],
    config: { dialect: 'NTLM2SR' },
    isDialectGiven: true,
  })
  t.equal(code, 0)
  t.match(lines[1], 'proxy0: NTLM2SR as DEMO\\alice: accepted (HTTP 200)')
  t.strictSame(lines.slice(3, 6), [
    'Auth            NTLM2SR',
    'PassEncoding    plain',
    `PassNT          ${hex(NT)}`,
  ])
  await t.rejects(
    detect(t, {
      scripts: [],
      config: { dialect: 'LM', password: new Secret('longer than fourteen') },
      isDialectGiven: true,
    }),
    { code: 'CONFIG', detail: /Auth LM needs an LM hash/ },
  )
})

t.test('what costs nothing leads to the next upstream', async t => {
  const closing: Script = async conn => {
    await conn.readHead()
    if (conn.number === 1) await conn.demand()
    else conn.end()
  }
  const table: [script: Script, line: RegExp][] = [
    [openProxy(), /^proxy0: asks for no logon here \(HTTP 200\)$/],
    [
      ntlmProxy({ schemes: () => ['Basic realm="x"', 'Digest realm="y"'] }),
      /^proxy0: offers no NTLM: Basic, Digest$/,
    ],
    [async conn => void (await conn.readHead(), conn.reset()), /^proxy0: no answer: .*ECONNRESET/],
    [closing, /^proxy0: NTLMv2 .*: nothing was sent: .*nothing was received$/],
    [
      async conn => {
        await conn.readHead()
        if (conn.number === 1) await conn.demand()
        else conn.respond('429 Too Many Requests')
      },
      /nothing was sent: .*limits requests \(HTTP 429\)/,
    ],
    [ntlmProxy({ schemes: () => ['NTLM'] }), /nothing was sent: .*without a challenge$/],
    [ntlmProxy({ schemes: () => ['NTLM AAAA'] }), /nothing was sent: .*challenge.* malformed/],
  ]
  for (const [script, line] of table) {
    const { code, lines, requests } = await detect(t, { scripts: [script, ntlmProxy()] })
    t.equal(code, 0)
    t.notMatch(requests[0]?.join(), 'type 3')
    t.ok(
      lines.some(text => line.test(text)),
      `${lines.join('\n')} has ${line.source}`,
    )
    t.strictSame(requests[1], FULL)
    t.match(lines.join('\n'), 'proxy1: NTLMv2 as DEMO\\alice: accepted')
  }
})

t.test('the exit code says whether there is an answer', async t => {
  const silent: Script = async conn => {
    await conn.readHead()
    conn.end()
  }
  t.match(await detect(t, { scripts: [silent, silent] }), { code: 1 })
  t.match(await detect(t, { scripts: [silent, openProxy()] }), { code: 0 })
  t.match(await detect(t, { scripts: [ntlmProxy({ schemes: () => ['Basic'] })] }), { code: 0 })
})

t.test('a logon that is never answered ends it too', async t => {
  const breaking: Script = async conn => {
    if (conn.number === 1) {
      await conn.readHead()
      return await conn.demand()
    }
    await conn.challenge({ acceptor: new NtlmAcceptor({ accounts: [ALICE] }) })
    await conn.readHead()
    conn.reset()
  }
  const guardStore = memoryGuardStore()
  for (let shown = 1; shown <= 2; shown++) {
    const { code, lines, requests } = await detect(t, {
      scripts: [breaking, ntlmProxy()],
      guardStore,
    })
    t.equal(code, 1)
    t.strictSame(requests, [FULL, []])
    t.match(lines.at(-1), /sent, but never answered/)
  }
  const third = await detect(t, { scripts: [breaking, ntlmProxy()], guardStore })
  t.match(third, { code: 1, requests: [['none'], []] }, 'two of them are what the guard allows')
})

t.test('a limit on requests instead of the verdict is none', async t => {
  const limiting: Script = async conn => {
    if (conn.number === 1) {
      await conn.readHead()
      return await conn.demand()
    }
    await conn.challenge({ acceptor: new NtlmAcceptor({ accounts: [ALICE] }) })
    await conn.readHead()
    conn.respond('429 Too Many Requests')
  }
  const { code, lines, requests } = await detect(t, { scripts: [limiting, ntlmProxy()] })
  t.equal(code, 1)
  t.strictSame(requests, [FULL, []])
  t.match(lines.at(-1), /sent, but never answered: .*limits requests \(HTTP 429\)/)
})

t.test('hashes are shown in one reading, and printed plain', async t => {
  const guardStore = memoryGuardStore()
  const withNt = (passNt: Buffer) => ({
    scripts: [ntlmProxy()],
    config: { password: undefined, passNt: secret(passNt) },
    guardStore,
  })
  const line = `PassNTLMv2      ${hex(V2)}    # Only for user 'alice', domain 'DEMO'`
  const plain = await detect(t, withNt(NT))
  t.strictSame(plain.requests, [FULL], 'the inverted reading alone')
  t.match(plain.lines.at(-1), 'The same command again sends them read as plain.')
  t.match(plain.warnings, [/^warning: the hashes do not tell which cntlm wrote them/])
  const second = await detect(t, withNt(NT))
  t.match(second, { code: 0, requests: [FULL] })
  t.ok(second.lines.includes(line), second.lines.join('\n'))

  const old = await detect(t, { ...withNt(inverted(NT)), guardStore: memoryGuardStore() })
  t.ok(old.lines.includes(line), old.lines.join('\n'))
  const { lines } = await detect(t, {
    scripts: [ntlmProxy()],
    config: { password: undefined, passLm: secret(NT), passEncoding: 'plain' },
  })
  t.match(lines[1], 'proxy0: LM as DEMO\\alice: rejected', 'the strongest that a PassLM allows')
  t.notMatch(lines.join('\n'), 'another dialect')
})

t.test('through Negotiate where that is all that is offered', async t => {
  const { code, lines } = await detect(t, { scripts: [ntlmProxy({ scheme: 'Negotiate' })] })
  t.equal(code, 0)
  t.match(lines.slice(0, 2), ['proxy0: asks for a logon, offers Negotiate', /accepted/])
})
