import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { accepts, freePort } from '../harness/real/port.ts'
import { skipUnless } from '../harness/real/programs.ts'
import { until } from '../harness/real/until.ts'
import { makeTempDir } from '../harness/temp-dir.ts'
import {
  type Arguments,
  basics,
  beginning,
  better,
  type Case,
  compare,
  type Configuration,
  hangs,
  isAlive,
  type Name,
  runToEnd,
  same,
  startDuel,
  type Test,
} from './duel.ts'
import { ACCOUNT } from './house.ts'
import { ask, HELLO, send } from './normal.ts'

const GET = 'GET http://site.test/a HTTP/1.1\nHost: site.test'
const isRoot = process.getuid?.() === 0

/** Mistakes on a command line, and what tsntlm says to them. */
const mistakes: [name: string, args: (file: string) => string[], text: RegExp][] = [
  ['an unknown option', () => ['-Z'], /unknown option -Z/],
  ['-c without its file', () => ['-c'], /-c needs a value/],
  ['a file that is not there', file => ['-c', `${file}.gone`], /gone: error: .* does not exist/],
  ['an upstream without a port', file => ['-c', file, 'proxy.test'], /lacks a port/],
  ['-a with no dialect', file => ['-c', file, '-a', 'x'], /Auth: .* NTLMv2/],
  ['-l with no port', file => ['-c', file, '-l', 'abc'], /Listen: the port is missing/],
  ['-L with no tunnel', file => ['-c', file, '-L', 'abc'], /Tunnel: /],
  ['-A with 99 bits', file => ['-c', file, '-A', '192.0.2.1/99'], /Allow: .*"99"/],
  ['-P where no file can be', file => ['-c', file, '-f', '-P', `${file}/x`], /the pid file cannot/],
  ['-T where no file can be', file => ['-c', file, '-T', `${file}/x`], /ENOTDIR/],
]

const ofRoot: typeof mistakes = [
  ['-U with an unknown user', file => ['-c', file, '-f', '-U', 'no-such-user'], /no user "no-such/],
  ['-U with root', file => ['-c', file, '-f', '-U', 'root'], /without privileges/],
]

const linesFor = (port: number): string[] => [
  `Username ${ACCOUNT.user}`,
  `Password ${ACCOUNT.password}`,
  'Proxy 127.0.0.1:1',
  `Listen 127.0.0.1:${port}`,
]

/** In the background, with `-P FILE`: what is to be seen of it until the signal, and behind. */
async function background(test: Test, name: Name, signal: NodeJS.Signals): Promise<unknown> {
  const port = await freePort()
  const pidFile = join(makeTempDir(test), 'cntlm.pid')
  const { code, out, stderr } = await runToEnd(test, name, {
    lines: linesFor(port),
    args: file => ['-c', file, '-P', pidFile],
  })
  // cntlm's parent ends before its child has written it.
  const text = await until('the pid file', () => {
    const written = existsSync(pidFile) ? readFileSync(pidFile, 'utf8') : ''
    return written.endsWith('\n') ? written : undefined
  })
  const pid = Number(text)
  test.teardown(() => isAlive(pid) && process.kill(pid, 'SIGKILL'))
  const mode = statSync(pidFile).mode & 0o777
  const serves = await accepts(port)
  process.kill(pid, signal)
  await until('its end', () => (isAlive(pid) ? undefined : true))
  return {
    code,
    out,
    stderr,
    isNumber: text === `${pid}\n`,
    mode,
    serves,
    leaves: existsSync(pidFile),
  }
}

const IN_BACKGROUND = {
  code: 0,
  out: '',
  stderr: '',
  isNumber: true,
  mode: 0o644,
  serves: true,
  leaves: false,
}

const withoutFile: Case[] = [
  same(
    'account, port, header and upstream on the command line are enough',
    async side => {
      const answer = await ask(side, `${GET}\nX-Set: own`)
      return [
        answer,
        /^X-Set: .*$/m.exec(side.upstream.arrived.at(-1)!.head.replaceAll('\r', ''))?.[0],
      ]
    },
    [HELLO, 'X-Set: new'],
  ),
  same(
    'the password is not to be seen in the list of processes',
    async side => readFileSync(`/proc/${side.pid}/cmdline`, 'latin1').includes(ACCOUNT.password),
    false,
  ),
]

const verbose: Case[] = [
  better(
    '-v prints the password',
    'logs are shown around',
    async side => {
      await ask(side, GET)
      await side.signal('SIGTERM')
      return side.output().includes(ACCOUNT.password)
    },
    { cntlm: true, tsntlm: false },
  ),
]

const undefinedSignal: Case[] = [
  better(
    'SIGUSR1 ends it',
    'no signal but those that say so should',
    async side => {
      process.kill(side.pid, 'SIGUSR1')
      const answer = await ask(side, GET).catch(() => 'gone')
      return answer === HELLO ? 'lives' : 'gone'
    },
    { cntlm: 'gone', tsntlm: 'lives' },
  ),
]

const idleClient = hangs(
  'SIGTERM while an idle client is connected',
  'a stop must come to an end',
  async side => {
    const client = await side.open()
    send(client, GET)
    await client.readResponse()
    return side.signal('SIGTERM')
  },
  0,
)

/** What either of them logs of a first signal. */
const STOPPING = /Signal 15 received|service\.draining/

const impatience = better(
  'a second SIGTERM ends it at once, with exit code 0',
  'a request was cut off, and the exit code says so',
  async side => {
    side.upstream.answer = conn => conn.hold()
    const client = await side.open()
    send(client, GET)
    await until('the request to arrive', () => side.upstream.verdicts.length > 0 || undefined)
    const end = side.signal('SIGTERM')
    await until('the first signal to be heard', () => STOPPING.test(side.output()) || undefined)
    process.kill(side.pid, 'SIGTERM')
    return end
  },
  { cntlm: 0, tsntlm: 1 },
)

if (skipUnless(t, ['cntlm'])) {
  // Most of the time is spent waiting for programs to start.
  t.jobs = 4
  for (const [name, args, text] of isRoot ? [...mistakes, ...ofRoot] : mistakes) {
    t.test(
      `${name} is exit code 1: same, and what is wrong is said`,
      { buffered: true },
      async t => {
        const lines = linesFor(await freePort())
        t.match(await runToEnd(t, 'cntlm', { args, lines }), { code: 1 }, 'cntlm')
        t.match(await runToEnd(t, 'tsntlm', { args, lines }), { code: 1, stderr: text }, 'tsntlm')
      },
    )
  }

  for (const option of ['-h', '--help']) {
    const because = 'who asks for help has made no mistake'
    t.test(`${option} is exit code 1: better, because ${because}`, { buffered: true }, async t => {
      const asked = { args: () => [option], lines: [] }
      t.match(await runToEnd(t, 'cntlm', asked), { code: 1, stderr: /Usage: / }, 'cntlm')
      t.match(await runToEnd(t, 'tsntlm', asked), { code: 0, stderr: '', out: /-l/ }, 'tsntlm')
    })
  }

  for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
    t.test(
      `it goes to the background with a pid file, and ${signal} stops it: same`,
      { buffered: true },
      async t => {
        t.strictSame(await background(t, 'cntlm', signal), IN_BACKGROUND, 'cntlm')
        t.strictSame(await background(t, 'tsntlm', signal), IN_BACKGROUND, 'tsntlm')
      },
    )
  }

  t.test('an empty file and options', { buffered: true }, async t => {
    const account = ['-u', `${ACCOUNT.user}@${ACCOUNT.domain}`, `-p${ACCOUNT.password}`]
    const duel = await startDuel(
      t,
      () => [],
      (file, { listen, upstream }) => [
        ...['-fc', file, ...account, '-sr', 'X-Set: new', `-l${listen}`],
        ...['127.0.0.1', String(upstream)],
      ],
    )
    await compare(t, duel, withoutFile)
  })

  t.test('-v', { buffered: true }, async t => {
    await compare(t, await startDuel(t, basics, file => ['-v', '-c', file]), verbose)
  })

  t.test(
    'an operand in front of an option: better, because GNU programs take both',
    { buffered: true },
    async t => {
      const args: Arguments = (file, { listen }) => [
        ...['127.0.0.1:1', '-f', '-c', file, `-l${listen}`],
      ]
      const configuration: Configuration = place => basics(place).slice(0, 3)
      t.equal(await beginning(t, 'cntlm', configuration, args), 'exit 1')
      t.equal(await beginning(t, 'tsntlm', configuration, args), 'serves')
    },
  )

  for (const each of [...undefinedSignal, idleClient, impatience]) {
    t.test('signals', { buffered: true }, async t => {
      await compare(t, await startDuel(t, basics), [each])
    })
  }
}
