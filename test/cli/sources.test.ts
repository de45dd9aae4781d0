import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { startNtlmUpstream } from '../../src/demo/index.ts'
import { openClient } from '../harness/http-client.ts'
import { runProduct } from '../harness/product.ts'
import { startHeldOrigin } from '../harness/real/held-origin.ts'
import { freePort } from '../harness/real/port.ts'
import { type Daemon, startDaemon } from '../harness/real/run.ts'
import { makeTempDir } from '../harness/temp-dir.ts'

type Test = Parameters<typeof makeTempDir>[0]
type Variables = Readonly<Record<string, string>>

const BIN = fileURLToPath(new URL('../../bin/tsntlm.js', import.meta.url))
const ACCOUNT = { user: 'alice', domain: 'CORP', password: 'wonder-land-4711' }

/** Instead of a file that this machine may have in /etc. */
const NO_FILE = ['-c', '/dev/null']

interface Output {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

async function tsntlm(args: readonly string[], env: Variables, input = ''): Promise<Output> {
  const finished = await runProduct(args, { env, input, timeoutMs: 30_000 })
  return { code: finished.code, out: finished.stdout.toString(), err: finished.stderr }
}

/** Writes a file that nobody else can read. */
function write(test: Test, name: string, content: string, mode = 0o600): string {
  const path = join(makeTempDir(test), name)
  writeFileSync(path, content)
  chmodSync(path, mode)
  return path
}

interface Sidecar extends Record<string, string> {
  readonly TSNTLM_LISTEN: string
  readonly TSNTLM_STATE_DIRECTORY: string
}

/** Everything but a password. */
async function sidecar(test: Test): Promise<Sidecar> {
  const upstream = await startNtlmUpstream({ accounts: [ACCOUNT] })
  test.teardown(() => upstream.close())
  return {
    TSNTLM_PROXY: `127.0.0.1:${upstream.address.port}`,
    TSNTLM_LISTEN: String(await freePort()),
    TSNTLM_USERNAME: ACCOUNT.user,
    TSNTLM_DOMAIN: ACCOUNT.domain,
    TSNTLM_STATE_DIRECTORY: makeTempDir(test),
    TSNTLM_LOG_FORMAT: 'json',
  }
}

async function serve(test: Test, args: readonly string[], env: Variables): Promise<Daemon> {
  const isReady = (output: string): boolean => output.includes('service.started')
  const daemon = await startDaemon(process.execPath, [BIN, ...args], isReady, { env })
  test.teardown(() => daemon.stop('SIGKILL'))
  return daemon
}

/** The status of a request through the program. */
async function statusThrough(test: Test, port: string): Promise<number> {
  const origin = await startHeldOrigin()
  test.teardown(() => origin.stop())
  origin.release()
  const client = await openClient(Number(port))
  test.teardown(() => client.destroy())
  const authority = `127.0.0.1:${origin.port}`
  const { status } = await client.request(`GET http://${authority}/ HTTP/1.1\nHost: ${authority}`)
  return status
}

t.test('the environment alone makes it serve, wherever the password is', async t => {
  const password = write(t, 'password', `${ACCOUNT.password}\r\n`)
  const credentials = join(write(t, 'tsntlm-password', `${ACCOUNT.password}\n`, 0o440), '..')
  const plain = join(write(t, 'password', ACCOUNT.password), '..')
  const cases: [variables: Variables, warning: RegExp | undefined][] = [
    [{ TSNTLM_PASSWORD: ACCOUNT.password }, /^env:TSNTLM_PASSWORD: warning: .* docker inspect/m],
    [{ TSNTLM_PASSWORD_FILE: password }, undefined],
    [{ TSNTLM_PASSWORDFILE: password, CREDENTIALS_DIRECTORY: '/absent' }, undefined],
    [{ CREDENTIALS_DIRECTORY: credentials }, undefined],
    [{ CREDENTIALS_DIRECTORY: plain }, undefined],
  ]
  for (const [variables, warning] of cases) {
    const env = await sidecar(t)
    const daemon = await serve(t, NO_FILE, { ...env, ...variables })
    t.equal(await statusThrough(t, env.TSNTLM_LISTEN), 200, Object.keys(variables).join())
    t.equal(await daemon.stop(), 0)
    if (warning === undefined) t.notMatch(daemon.output(), 'warning:')
    else t.match(daemon.output(), warning)
    t.notMatch(daemon.output(), ACCOUNT.password)
  }
})

t.test('--show says where the password is from, the strongest place first', async t => {
  const env = {
    TSNTLM_PROXY: 'a:1',
    TSNTLM_LISTEN: '1',
    TSNTLM_USERNAME: 'u',
    CREDENTIALS_DIRECTORY: join(write(t, 'tsntlm-password', 'hunter2'), '..'),
  }
  const secret = write(t, 'secret', 'hunter2')
  const both = write(t, 'c', `Password hunter2\nPasswordFile ${secret}\n`)
  const file = write(t, 'c', `PasswordFile ${secret}\nPassNT ${'0'.repeat(32)}\n`)
  const cases: [config: string, more: Variables, from: string][] = [
    [both, { TSNTLM_PASSWORD: 'hunter2', TSNTLM_PASSWORD_FILE: secret }, 'env:TSNTLM_PASSWORD'],
    [both, { TSNTLM_PASSWORD_FILE: secret }, secret],
    [both, {}, both],
    [file, {}, secret],
    ['/dev/null', {}, `${env.CREDENTIALS_DIRECTORY}/tsntlm-password`],
  ]
  for (const [config, more, from] of cases) {
    const args = ['check', '--show', '-c', config]
    const { code, out, err } = await tsntlm(args, { ...env, ...more })
    t.equal(code, 0, err)
    t.ok(out.includes(`\nPassword            [secret] from ${from}\n`), out)
    t.notMatch(out + err, 'hunter2')
  }
})

t.test('all problems of all sources are told at once, and nothing is run', async t => {
  const gone = join(makeTempDir(t), 'gone')
  const file = write(t, 'tsntlm.conf', `Username u\nAuth What\nPassword hunter2\n`)
  const env = {
    TSNTLM_LISTEN: '99999',
    TSNTLM_PROXI: 'a:1',
    TSNTLM_PASSWORD_FILE: gone,
  }
  const expected = [
    'env:TSNTLM_PROXI: warning: no directive has this name, it was ignored (did you mean TSNTLM_PROXY?)',
    'env:TSNTLM_LISTEN: error: Listen: port must be 1-65535, got "99999"',
    `env:TSNTLM_PASSWORD_FILE: error: PasswordFile: ${gone}: the password cannot be read: the file does not exist`,
    `${file}:2:6: error: Auth: the value must be one of NTLMv2, NTLM2SR, NTLM, NT, LM, got "What" (NTLMv2 is what current proxies want)`,
    'error: Proxy: there is no upstream proxy (for example Proxy 10.0.0.41:8080, or NoProxy * to do without)',
    '',
  ].join('\n')
  t.strictSame(await tsntlm(['-c', file], env), { code: 1, out: '', err: expected })
  t.match(await tsntlm(['check', '-c', file], env), { code: 1, err: expected })
})

t.test('-p beats the environment, which is not looked at for a password then', async t => {
  const env = { ...(await sidecar(t)), TSNTLM_PASSWORD_FILE: '/absent' }
  const child = await serve(t, [...NO_FILE, '-p', ACCOUNT.password], env)
  t.equal(await statusThrough(t, env.TSNTLM_LISTEN), 200)
  t.equal(await child.stop(), 0)
})

t.test('a rejected password is not sent again after a restart of what has no file', async t => {
  const env = { ...(await sidecar(t)), TSNTLM_PASSWORD: 'wrong-one' }
  const logons = async (): Promise<string> => {
    const daemon = await serve(t, NO_FILE, env)
    t.equal(await statusThrough(t, env.TSNTLM_LISTEN), 502)
    await daemon.stop()
    t.notMatch(daemon.output(), 'wrong-one')
    return readFileSync(join(env.TSNTLM_STATE_DIRECTORY, 'logons.json'), 'utf8')
  }
  const first = await logons()
  t.match(first, /"rejections":\[\d+(\.\d+)?\]/)
  t.equal(await logons(), first)
})
