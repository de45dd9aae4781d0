import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import {
  type AcceptorOptions,
  NtlmAcceptor,
  type NtlmUpstreamOptions,
  startNtlmUpstream,
  startOrigin,
  type Verdict,
} from '../../src/demo/index.ts'
import { makeTempDir } from '../harness/temp-dir.ts'

/**
 * The acceptor is ours, so it could share a misreading with our client. Here it meets clients that other people wrote:
 * what they send must be accepted, and must be refused when their password is wrong.
 */

const ALICE = { user: 'alice', domain: 'DEMO', password: 'Wonderland 7' }
const require = createRequire(import.meta.url)
const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))

type Test = Pick<typeof t, 'teardown'>

function missing(program: string, args: readonly string[]): string | false {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return false
  } catch {
    return `${program} is not installed`
  }
}

function missingPackage(resolve: () => string): string | false {
  try {
    resolve()
    return false
  } catch {
    return 'the npm package is not installed'
  }
}

interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

async function run(program: string, args: readonly string[], input = ''): Promise<Finished> {
  const child = spawn(program, args)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', chunk => (stdout += String(chunk)))
  child.stderr.on('data', chunk => (stderr += String(chunk)))
  // A program that has seen enough may leave before it has read everything.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const code = await new Promise<number | null>(done => child.once('close', done))
  return { code, stdout, stderr }
}

async function startProxy(test: Test, options: Partial<NtlmUpstreamOptions> = {}) {
  const origin = await startOrigin()
  test.teardown(() => origin.close())
  const upstream = await startNtlmUpstream({
    accounts: [ALICE],
    resolve: origin.resolve,
    ...options,
  })
  test.teardown(() => upstream.close())
  return { origin, upstream }
}

t.test('curl', { skip: missing('curl', ['--version']) }, async t => {
  const { origin, upstream } = await startProxy(t)
  const caFile = join(makeTempDir(t), 'ca.pem')
  writeFileSync(caFile, origin.caPem)
  const curl = (password: string, ...args: string[]) =>
    run('curl', [
      '--disable',
      ...['--silent', '--show-error', '--noproxy', '', '--max-time', '20', '--cacert', caFile],
      ...['--proxy', `http://127.0.0.1:${upstream.address.port}`, '--proxy-ntlm'],
      ...['--proxy-user', `DEMO\\alice:${password}`, ...args],
    ])
  const hello = 'Hello from the origin\n'

  t.match(await curl(ALICE.password, 'http://origin.demo.test/hello'), { code: 0, stdout: hello })
  t.match(await curl(ALICE.password, 'https://origin.demo.test/hello'), { code: 0, stdout: hello })
  const body = 'x'.repeat(300_000)
  const bodyFile = join(makeTempDir(t), 'body')
  writeFileSync(bodyFile, body)
  const posted = await curl(
    ALICE.password,
    ...['--data-binary', `@${bodyFile}`, 'http://origin.demo.test/echo'],
  )
  t.equal(posted.code, 0, posted.stderr)
  const sha256 = createHash('sha256').update(body).digest('hex')
  t.same(JSON.parse(posted.stdout), { method: 'POST', bytes: body.length, sha256 })
  t.match(upstream.counters, { type1s: 3, type3s: 3, accepted: 3, rejected: 0 })

  const urls = ['http://origin.demo.test/hello', 'https://origin.demo.test/hello']
  t.match(await curl(ALICE.password, ...urls), { code: 0, stdout: hello + hello })

  const code = ['--output', '/dev/null', '--write-out', '%{http_code} %{http_connect}']
  const refused = await curl('wrong', ...code, 'http://origin.demo.test/hello')
  t.match(refused, { code: 0, stdout: '407 000' })
  const noTunnel = await curl('wrong', ...code, 'https://origin.demo.test/hello')
  t.match(noTunnel, { code: 56, stdout: '000 407' })
  t.equal(upstream.counters.rejected, 2)
})

t.test('curl speaks NTLMv2 without a MIC', { skip: missing('curl', ['--version']) }, async t => {
  const get = async (options: Partial<NtlmUpstreamOptions>) => {
    const verdicts: string[] = []
    const { upstream } = await startProxy(t, {
      ...options,
      onEvent: event => {
        if (event.kind === 'accepted') verdicts.push(`${event.dialect} ${event.micChecked}`)
        if (event.kind === 'rejected') verdicts.push(event.reason)
      },
    })
    const proxy = `http://127.0.0.1:${upstream.address.port}`
    const user = `DEMO\\alice:${ALICE.password}`
    const url = 'http://origin.demo.test/hello'
    const args = ['--silent', '--noproxy', '', '--proxy-ntlm', '--proxy-user', user]
    await run('curl', ['--disable', ...args, '--max-time', '20', '--proxy', proxy, url])
    return verdicts
  }
  t.same(await get({}), ['NTLMv2 false'])
  t.same(await get({ sendTimestamp: false }), ['NTLMv2 false'])
  t.same(await get({ requireMic: true }), ['the message integrity code is missing'])
  // Without target info curl falls back to the older dialects.
  t.same(await get({ challengeForm: 'short' }), ['the dialect is older than NTLMv2'])
  t.same(await get({ challengeForm: 'short', allowOlderDialects: true }), ['NTLM false'])
})

/** A client behind pipes: a line goes in, a line comes out. */
class LineClient {
  readonly #child: ChildProcess
  readonly #answers: AsyncIterator<string>

  constructor(test: Test, program: string, args: readonly string[]) {
    const child = spawn(program, args, { cwd: REPOSITORY, stdio: ['pipe', 'pipe', 'ignore'] })
    test.teardown(() => child.kill())
    this.#child = child
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  }

  async ask(line: string): Promise<string> {
    this.#child.stdin?.write(`${line}\n`)
    const answer = await this.#answers.next()
    if (answer.done === true) throw new Error('The client ended without an answer')
    return answer.value
  }
}

/** `YR` asks for a NEGOTIATE, `TT <challenge>` for the AUTHENTICATE; answers are `<word> <token>`. */
async function converse(client: LineClient, options: Partial<AcceptorOptions>): Promise<Verdict> {
  const acceptor = new NtlmAcceptor({ accounts: [ALICE], ...options })
  const tokenIn = (line: string) => Buffer.from(line.split(' ')[1] ?? '', 'base64')
  const challenge = acceptor.challenge(tokenIn(await client.ask('YR')))
  return acceptor.verify(tokenIn(await client.ask(`TT ${challenge.toString('base64')}`)))
}

const ACCEPTED = { ok: true, user: 'alice', domain: 'DEMO', dialect: 'NTLMv2' }

t.test('Samba ntlm_auth', { skip: missing('ntlm_auth', ['--version']) }, async t => {
  const directory = makeTempDir(t)
  const configFile = join(directory, 'smb.conf')
  const folders = ['private dir', 'lock directory', 'state directory', 'cache directory']
  const lines = [...folders, 'pid directory'].map(name => `${name} = ${directory}`)
  writeFileSync(configFile, ['[global]', 'workgroup = TEST', ...lines, ''].join('\n'))
  const start = (password: string) =>
    new LineClient(t, 'ntlm_auth', [
      '--helper-protocol=ntlmssp-client-1',
      ...[`--username=${ALICE.user}`, `--domain=${ALICE.domain}`, `--password=${password}`],
      `--configfile=${configFile}`,
    ])
  const cases: [name: string, options: Partial<AcceptorOptions>, expected: object][] = [
    ['as Windows', { requireMic: true }, { ...ACCEPTED, micChecked: true }],
    ['no timestamp', { sendTimestamp: false }, { ...ACCEPTED, micChecked: true }],
    ['another channel', { requireCbt: Buffer.alloc(16, 1) }, { ok: false }],
  ]
  for (const [name, options, expected] of cases) {
    t.match(await converse(start(ALICE.password), options), expected, name)
  }
  t.match(await converse(start('wrong'), {}), { ok: false, reason: 'the password is wrong' })
})

/** Speaks the line protocol above with httpntlm: NTLMv2 with LMv2, no MIC, the domain in upper case. */
const HTTPNTLM = `
  const { ntlm } = require('httpntlm')
  const [password] = process.argv.slice(1)
  const account = { username: 'alice', domain: 'DEMO', password, workstation: 'TEST' }
  require('readline').createInterface({ input: process.stdin }).on('line', line => {
    if (line === 'YR') return console.log(ntlm.createType1Message(account).replace('NTLM', 'YR'))
    const challenge = ntlm.parseType2Message(line.replace('TT', 'NTLM'), error => { throw error })
    console.log(ntlm.createType3Message(challenge, account).replace('NTLM', 'AF'))
  })`

t.test(
  'the npm package httpntlm',
  { skip: missingPackage(() => require.resolve('httpntlm')) },
  async t => {
    const start = (password: string) => new LineClient(t, 'node', ['-e', HTTPNTLM, '--', password])
    t.match(await converse(start(ALICE.password), {}), { ...ACCEPTED, micChecked: false })
    t.match(await converse(start('wrong'), {}), { reason: 'the password is wrong' })
    t.match(await converse(start(ALICE.password), { requireMic: true }), {
      reason: 'the message integrity code is missing',
    })
    const older = { challengeForm: 'no-target-info', allowOlderDialects: true } as const
    t.match(await converse(start(ALICE.password), older), { ok: true, dialect: 'NTLM2SR' })
  },
)

/**
 * The same with ntlm-client, of 2016. It needs MD4 and DES of OpenSSL, hence the legacy provider; it offers OEM names only;
 * it hashes the target name of the challenge instead of the account's domain, so the two have to be equal;
 * it sends NTLMv2 when ESS is granted, never a MIC, and dies of a challenge without target info.
 */
const NTLM_CLIENT = `
  const client = require('ntlm-client')
  const [password] = process.argv.slice(1)
  require('readline').createInterface({ input: process.stdin }).on('line', line => {
    if (line === 'YR') {
      return console.log(client.createType1Message('TEST', 'DEMO').replace('NTLM', 'YR'))
    }
    const challenge = client.decodeType2Message(line.replace('TT', 'NTLM'))
    const answer = client.createType3Message(challenge, 'alice', password, 'TEST', 'DEMO')
    console.log(answer.replace('NTLM', 'AF'))
  })`

t.test(
  'the npm package ntlm-client',
  { skip: missingPackage(() => require.resolve('ntlm-client')) },
  async t => {
    const flags = ['--no-deprecation', '--openssl-legacy-provider']
    const start = (password: string) =>
      new LineClient(t, 'node', [...flags, '-e', NTLM_CLIENT, '--', password])
    t.match(await converse(start(ALICE.password), {}), { ...ACCEPTED, micChecked: false })
    t.match(await converse(start('wrong'), {}), { reason: 'the password is wrong' })
    const names = { dnsDomain: 'x', dnsComputer: 'y.x', nbDomain: 'OTHER', nbComputer: 'Y' }
    t.match(await converse(start(ALICE.password), { names }), { ok: false }, 'another target name')
  },
)
