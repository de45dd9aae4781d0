import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { runProduct } from '../harness/product.ts'
import { findProgram, program } from '../harness/real/programs.ts'
import { type Daemon, run, startDaemon } from '../harness/real/run.ts'
import { until } from '../harness/real/until.ts'
import { makeTempDir } from '../harness/temp-dir.ts'

type Test = Parameters<typeof makeTempDir>[0]

const BIN = fileURLToPath(new URL('../../bin/tsntlm.js', import.meta.url))

interface Namespace {
  /** Runs a program in it and gives its output; fails when the program does, unless the code is expected. */
  readonly exec: (line: string, expectedCode?: number) => Promise<string>
  readonly name: string
}

/** A network of its own, where bridges can be made that the host never sees; undefined where that is not allowed. */
async function makeNamespace(test: Test): Promise<Namespace | undefined> {
  const name = `tsntlm-${process.pid}`
  const { code } = await run(program('ip'), ['netns', 'add', name])
  if (code !== 0) return undefined
  test.teardown(() => run(program('ip'), ['netns', 'del', name]))
  const exec = async (line: string, expectedCode = 0): Promise<string> => {
    const done = await run(program('ip'), ['netns', 'exec', name, ...line.split(' ')])
    if (done.code !== expectedCode) throw new Error(`${line}: ${done.code} ${done.stderr}`)
    return done.stdout.toString()
  }
  await exec('ip link set lo up')
  return { name, exec }
}

/** As dockerd makes it, and as it is before the first container: without carrier. */
async function makeDocker0({ exec }: Namespace, address: string): Promise<void> {
  await exec('ip link add docker0 type bridge')
  await exec(`ip addr add ${address} dev docker0`)
  await exec('ip link set docker0 up')
  await exec('ip link add port0 type veth peer name port1')
  await exec('ip link set port0 master docker0')
  await exec('ip link set port0 up')
  await exec('ip link del port0')
}

function writeConfig(test: Test, ...lines: string[]): string {
  const file = join(makeTempDir(test), 'cntlm.conf')
  writeFileSync(file, ['NoProxy *', 'LogFormat json', ...lines, ''].join('\n'), { mode: 0o600 })
  return file
}

/** Waits until the log has the event of this address, so many times. */
async function logged(daemon: Daemon, event: string, address: string, times = 1): Promise<void> {
  const isIt = (line: string): boolean =>
    line.includes(`"${event}"`) && line.includes(`"address":"${address}"`)
  const isThere = () => daemon.output().split('\n').filter(isIt).length >= times || undefined
  await until(`${event} of ${address} in the log`, isThere)
}

const PROBE = 'curl -sS -m 5 -X OPTIONS --request-target * -o /dev/null -w %{http_code}'
const REFUSED = 7

/** Why the test with real interfaces cannot be made here, or false. */
function obstacle(): string | false {
  if (process.getuid?.() !== 0) return 'only root can make networks'
  const missing = ['ip', 'curl'].filter(each => findProgram(each) === undefined)
  return missing.length > 0 ? `not installed: ${missing.join(', ')}` : false
}

t.test('docker0 before, while and after it is there', { skip: obstacle() }, async t => {
  const namespace = await makeNamespace(t)
  if (namespace === undefined) {
    t.comment('network namespaces are not allowed here')
    return
  }
  const { exec, name } = namespace
  const file = writeConfig(
    t,
    'Listen docker0:3128',
    'Listen 172.18.0.1:3129',
    'Allow docker',
    'Deny *',
  )
  const args = ['netns', 'exec', name, process.execPath, BIN, '--config', file]
  const daemon = await startDaemon(program('ip'), args, output => output.includes('"ready"'))
  t.teardown(() => daemon.stop('SIGKILL'))
  await logged(daemon, 'listener.waiting', 'docker0:3128')
  await logged(daemon, 'listener.waiting', '172.18.0.1:3129')

  await makeDocker0(namespace, '172.17.0.1/16')
  await logged(daemon, 'listener.bound', '172.17.0.1:3128')
  t.equal(await exec(`${PROBE} http://172.17.0.1:3128/`), '200', 'Allow docker lets it in')
  await exec('ip addr add 192.0.2.1/24 dev lo')
  for (const other of ['127.0.0.1', '192.0.2.1'])
    await exec(`${PROBE} http://${other}:3128/`, REFUSED)

  await exec('ip addr del 172.17.0.1/16 dev docker0')
  await exec('ip addr add 172.30.0.1/24 dev docker0')
  await logged(daemon, 'listener.bound', '172.30.0.1:3128')
  t.equal(await exec(`${PROBE} http://172.30.0.1:3128/`), '200')

  await exec('ip addr add 172.18.0.1/32 dev lo')
  await logged(daemon, 'listener.bound', '172.18.0.1:3129')
  t.equal(await exec(`${PROBE} http://172.18.0.1:3129/`), '403', 'no network of Docker')

  await exec('ip link del docker0')
  await logged(daemon, 'listener.closed', '172.30.0.1:3128')
  await makeDocker0(namespace, '172.17.0.1/16')
  await logged(daemon, 'listener.bound', '172.17.0.1:3128', 2)
  t.equal(await exec(`${PROBE} http://172.17.0.1:3128/`), '200')
  const health = await exec(`${process.execPath} ${BIN} health --config ${file}`)
  t.equal(health, '172.17.0.1:3128 answers\n')
  t.equal(await daemon.stop(), 0)
})

t.test('an address that is not there does not end the program', async t => {
  const file = writeConfig(t, 'Listen 198.51.100.1:3128')
  const daemon = await startDaemon(process.execPath, [BIN, '--config', file], output =>
    output.includes('"ready"'),
  )
  t.teardown(() => daemon.stop('SIGKILL'))
  await logged(daemon, 'listener.waiting', '198.51.100.1:3128')
  t.equal(await daemon.stop(), 0)
})

t.test('an open port that is not meant to be is refused', async t => {
  const file = writeConfig(t, 'Listen 0.0.0.0:3128')
  const { code, stderr } = await runProduct(['--config', file])
  t.equal(code, 1)
  t.match(stderr, /:3:8: error: Listen: 0\.0\.0\.0:3128 is open to every host .* Gateway yes\)\n$/)
})

t.test('health says what is waited for', async t => {
  const file = writeConfig(t, 'Listen virbr99:3128')
  const { code, stderr } = await runProduct(['health', '--config', file])
  t.equal(code, 1)
  t.equal(stderr, 'tsntlm health: virbr99:3128: there is no interface virbr99 yet\n')
})
