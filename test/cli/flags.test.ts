import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startNtlmUpstream } from '../../src/demo/index.ts'
import { openClient } from '../harness/http-client.ts'
import { startHeldOrigin } from '../harness/real/held-origin.ts'
import { accepts, freePort } from '../harness/real/port.ts'
import { run, startDaemon } from '../harness/real/run.ts'
import { until } from '../harness/real/until.ts'
import { makeTempDir } from '../harness/temp-dir.ts'
import { answers, BIN, DIRECT, linkAsCntlm, serve, tsntlm, writeConfig } from './program.ts'

const isLinux = process.platform === 'linux'
const isRoot = process.getuid?.() === 0
const onLinux = isLinux ? {} : { skip: 'needs /proc' }

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function untilGone(pid: number): Promise<void> {
  await until(`process ${pid} to end`, () => (isAlive(pid) ? undefined : true))
}

t.test('-vfc FILE -lPORT: the ports of both are bound, and the log is verbose', async t => {
  const [inFile, onLine] = [await freePort(), await freePort()]
  const file = writeConfig(t, [...DIRECT, `Listen ${inFile}`, 'LogLevel error'])
  const daemon = await serve(t, ['-vfc', file, `-l${onLine}`])
  t.ok(await answers(inFile))
  t.ok(await answers(onLine))
  t.equal(await daemon.stop(), 0)
})

t.test('the command line alone is enough, with the password from standard input', async t => {
  const account = { user: 'alice', domain: 'CORP', password: 'wonder-land-4711' }
  const upstream = await startNtlmUpstream({ accounts: [account] })
  t.teardown(() => upstream.close())
  const port = await freePort()
  const dir = makeTempDir(t)
  const empty = join(dir, 'empty.conf')
  writeFileSync(empty, `StateDirectory ${dir}\n`)
  const upstreamPort = String(upstream.address.port)
  const args = ['-c', empty, '-u', 'alice@CORP', '-l', String(port), '127.0.0.1', upstreamPort]
  const pidFile = join(dir, 'a.pid')
  // A process in the background reads it from its parent.
  const link = linkAsCntlm(t)
  const parent = await run(process.execPath, [link, ...args, '-P', pidFile, '-p', '-'], {
    input: `${account.password}\n`,
  })
  t.match({ ...parent, stdout: parent.stdout.toString() }, { code: 0, stdout: '', stderr: '' })
  const pid = Number(readFileSync(pidFile, 'utf8'))
  t.teardown(() => isAlive(pid) && process.kill(pid, 'SIGKILL'))
  const origin = await startHeldOrigin()
  t.teardown(() => origin.stop())
  origin.release()
  const client = await openClient(port)
  t.teardown(() => client.destroy())
  const authority = `127.0.0.1:${origin.port}`
  const answer = await client.request(`GET http://${authority}/ HTTP/1.1\nHost: ${authority}`)
  t.match(answer, { status: 200, text: 'released\n' })
  if (isLinux) t.notMatch(readFileSync(`/proc/${pid}/cmdline`, 'utf8'), account.password)
  process.kill(pid, 'SIGTERM')
  await untilGone(pid)
})

t.test('as cntlm it goes to the background, and SIGHUP stops it', async t => {
  const link = linkAsCntlm(t)
  const port = await freePort()
  const file = writeConfig(t, [...DIRECT, `Listen ${port}`])
  const pidFile = join(makeTempDir(t), 'cntlm.pid')
  const parent = await run(process.execPath, [link, '-sc', file, '-P', pidFile, '-R', 'a:secret'])
  t.match({ code: parent.code, out: parent.stdout.toString() }, { code: 0, out: '' })
  const complaints = parent.stderr.trim().split('\n')
  t.match(complaints[0], /^cntlm: a password on the command line can be read/)
  t.equal(complaints.filter(line => line.startsWith('cntlm: ')).length, 2, parent.stderr)
  t.equal(new Set(complaints).size, complaints.length, 'each once')
  const text = readFileSync(pidFile, 'utf8')
  const pid = Number(text)
  t.teardown(() => isAlive(pid) && process.kill(pid, 'SIGKILL'))
  t.equal(text, `${pid}\n`)
  t.ok(await answers(port))
  if (isLinux) {
    // Behind the name, which may hold spaces (proc(5)).
    const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
    const [, parentId, , session] = fields.split(' ')
    t.not(Number(parentId), process.pid)
    t.equal(Number(session), pid, 'it has a session of its own')
    t.notMatch(readFileSync(`/proc/${pid}/cmdline`, 'utf8'), 'secret')
  }
  process.kill(pid, 'SIGHUP')
  await untilGone(pid)
  t.equal(await accepts(port), false)
  t.notOk(existsSync(pidFile))
})

t.test('as cntlm it fails in the foreground when it cannot serve', async t => {
  const link = linkAsCntlm(t)
  const file = writeConfig(t, [...DIRECT, `Listen ${await freePort()}`])
  const cases: [args: string[], message: RegExp][] = [
    [['-c', join(makeTempDir(t), 'missing')], /missing: error: .*does not exist/],
    [['-c', file, '-l', 'nonsense'], /^argv: error: Listen: /],
    [['-c', file, '-P', join(makeTempDir(t), 'no/such.pid')], /^tsntlm: the pid file cannot/],
    [['-Z'], /^cntlm: unknown option -Z\nTry: cntlm --help\n$/],
    [['check'], /^cntlm: check is no command, and as an upstream proxy it lacks a port/],
  ]
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await run(process.execPath, [link, ...args])
    t.equal(code, 1, args.join(' '))
    t.equal(stdout.length, 0)
    t.match(stderr, message)
  }
})

t.test('as cntlm with -f it stays, and SIGHUP stops it', async t => {
  const file = writeConfig(t, [...DIRECT, `Listen ${await freePort()}`])
  const daemon = await serve(t, ['-fc', file], linkAsCntlm(t))
  t.equal(await daemon.stop('SIGHUP'), 0)
})

t.test('as tsntlm it reads its configuration again at SIGHUP, if that can be used', async t => {
  const [port, other] = [await freePort(), await freePort()]
  const file = writeConfig(t, DIRECT)
  const daemon = await serve(t, ['-c', file, '-l', String(port)])
  const hangUp = async (event: string): Promise<void> => {
    process.kill(daemon.pid, 'SIGHUP')
    await until(event, () => (daemon.output().includes(event) ? true : undefined))
  }
  appendFileSync(file, 'Listen 99999\n')
  await hangUp('config.rejected')
  t.match(daemon.output(), 'port must be 1-65535')
  t.ok(await answers(port))
  writeFileSync(file, [...DIRECT, `Listen ${other}`, ''].join('\n'))
  await hangUp('config.loaded')
  t.ok(await answers(port), 'the command line counts as before')
  t.ok(await answers(other))
  t.equal(await daemon.stop(), 0)
})

t.test('-P writes the process id for all to read, and removes it at the end', async t => {
  const pidFile = join(makeTempDir(t), 'a.pid')
  writeFileSync(pidFile, 'something longer from before\n')
  const args = ['-c', writeConfig(t, DIRECT), '-l', String(await freePort()), '-P', pidFile]
  const daemon = await serve(t, args)
  const written = `${daemon.pid}\n`
  await until('the pid file', () => readFileSync(pidFile, 'utf8') === written || undefined)
  t.equal(statSync(pidFile).mode & 0o777, 0o644)
  t.equal(await daemon.stop(), 0)
  t.notOk(existsSync(pidFile))

  const again = await serve(t, args)
  await until('the pid file', () => existsSync(pidFile) || undefined)
  writeFileSync(pidFile, '1\n')
  t.equal(await again.stop(), 0)
  t.equal(readFileSync(pidFile, 'utf8'), '1\n', 'that of another process stays')
})

t.test('-T appends the verbose log to a file of its owner', async t => {
  const port = await freePort()
  const log = join(makeTempDir(t), 'trace.log')
  const args = ['-c', writeConfig(t, DIRECT), '-l', String(port), '-T', log]
  for (const times of [1, 2]) {
    // Under the name cntlm -T means that it stays in the foreground.
    const daemon = await startDaemon(process.execPath, [linkAsCntlm(t), ...args], () =>
      accepts(port),
    )
    t.teardown(() => daemon.stop('SIGKILL'))
    t.equal(await daemon.stop(), 0)
    t.equal(daemon.output(), '')
    t.equal(readFileSync(log, 'utf8').match(/"service\.stopped"/g)?.length, times)
  }
  t.equal(statSync(log).mode & 0o777, 0o640)
  const { code, stderr } = await tsntlm([...args, '-T', join(log, 'below')])
  t.match({ code, stderr }, { code: 1, stderr: /^tsntlm: the log file cannot be opened: ENOTDIR/ })
})

t.test('a password on the command line is warned about and blanked', onLinux, async t => {
  const args = ['-c', writeConfig(t, DIRECT), '-l', String(await freePort())]
  const daemon = await serve(t, [...args, '-phunter2-secret', '-R', 'joe:hunter3-secret'])
  const shown = readFileSync(`/proc/${daemon.pid}/cmdline`, 'utf8')
  t.match(shown, /^tsntlm .*--password=\*\*\*\*/)
  t.notMatch(shown, 'secret')
  t.equal(daemon.output().match(/^tsntlm: a password on the command line /gm)?.length, 1)
  t.notMatch(daemon.output(), 'hunter')
  await daemon.stop()
})

const asRoot = isLinux && isRoot ? {} : { skip: 'needs root and /proc' }

t.test('-U becomes another user once the ports are bound', asRoot, async t => {
  const dir = makeTempDir(t)
  chmodSync(dir, 0o755)
  const forAll = join(dir, 'run')
  mkdirSync(forAll)
  chmodSync(forAll, 0o777)
  const file = writeConfig(t, DIRECT)
  const passwd = readFileSync('/etc/passwd', 'utf8')
  const [, uid = '', gid = ''] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(passwd) ?? []
  for (const [user, expectedGid] of [
    ['nobody', gid],
    [uid, uid],
  ] as const) {
    const port = await freePort()
    const pidFile = join(forAll, 'a.pid')
    const daemon = await serve(t, ['-c', file, '-l', String(port), '-U', user, '-P', pidFile])
    await until('the pid file', () => existsSync(pidFile) || undefined)
    const status = readFileSync(`/proc/${daemon.pid}/status`, 'utf8')
    t.match(status, new RegExp(`^Uid:\\t${uid}\\t${uid}\\t${uid}\\t${uid}$`, 'm'), user)
    t.match(
      status,
      new RegExp(`^Gid:\\t${expectedGid}\\t${expectedGid}\\t${expectedGid}\\t`, 'm'),
      user,
    )
    t.match(status, new RegExp(`^Groups:\\t${expectedGid} *$`, 'm'), user)
    t.equal(statSync(pidFile).uid, Number(uid))
    t.ok(await answers(port))
    t.equal(await daemon.stop(), 0)
    t.notOk(existsSync(pidFile))
  }
})

t.test('-U refuses root and unknown users, and does nothing for others', onLinux, async t => {
  const args = ['-c', writeConfig(t, DIRECT), '-l', String(await freePort())]
  if (isRoot) {
    for (const [user, message] of [
      ['root', /is root/],
      ['0', /is root/],
      ['no-such-user', /no user "no-such-user"/],
    ] as const) {
      const { code, out, stderr } = await tsntlm([...args, '-U', user])
      t.match({ code, out, stderr }, { code: 1, out: '', stderr: message })
    }
  } else {
    const daemon = await serve(t, [...args, '-U', 'nobody'])
    t.match(daemon.output(), /--run-as nobody has no effect: only root/)
  }
})

const LINES = [
  'PassEncoding    plain',
  'PassLM          E52CAC67419A9A224A3B108F3FA6CB6D',
  'PassNT          8846F7EAEE8FB117AD06BDD830B7586C',
  "PassNTLMv2      E097C611EA19C676CD79309A3A2F59A3    # Only for user 'testuser', domain 'corp-uk'",
  '',
].join('\n')

t.test(
  '-H prints the hashes of the password that is entered, or else of the known one',
  async t => {
    const names = ['Username testuser', 'Domain corp-uk']
    const file = writeConfig(t, [...names, 'Password password'])
    const other = writeConfig(t, [...names, 'Password other'])
    const cases: [args: string[], input: string][] = [
      [['-H', '-u', 'testuser', '-d', 'corp-uk'], 'password\n'],
      [['-Hutestuser@corp-uk'], 'password\n'],
      [['--print-hashes', '-c', other], 'password\n'],
      [['-Hc', file], ''],
      [['-Hc', other, '-ppassword'], ''],
      [['-Hp', 'other', '-c', file], 'password'],
      [['-Hc', other, '-u', 'testuser', '-p', 'password'], ''],
    ]
    await Promise.all(
      cases.map(async ([args, input]) => {
        const { code, out } = await tsntlm(args, input)
        t.match({ code, out }, { code: 0, out: LINES }, args.join(' '))
      }),
    )
    const nothing = await tsntlm(['-Hc', writeConfig(t, names)])
    t.match(nothing, { code: 1, out: '', stderr: /no password was given\n$/ })
  },
)

t.test('flags that cannot do what they say explain it in one line', async t => {
  for (const asking of ['-I', '-p-']) {
    const noInput = await tsntlm([asking, '-l', '1'])
    t.match(noInput, { code: 1, out: '', stderr: 'tsntlm: no password was given\n' })
    // Standard input is a file there, not a pipe.
    const noFile = await run('sh', ['-c', `"$@" < /dev/null`, 'sh', process.execPath, BIN, asking])
    t.match(noFile, { code: 1, stderr: 'tsntlm: no password was given\n' })
  }
  const level = await tsntlm(['-c', writeConfig(t, DIRECT), '-l1', '--log-level', 'loud'])
  t.match(level, { code: 1, out: '', stderr: /^argv: error: LogLevel: .*fatal.*"loud"\n/ })
  const port = String(await freePort())
  const inert = ['-sq', '-S', '0', '-G', 'x', '-X', 'NTLM']
  const daemon = await serve(t, ['-c', writeConfig(t, DIRECT), '-l', port, ...inert])
  const output = daemon.output()
  t.equal(output.match(/^tsntlm: --serial has no effect: there are no threads$/gm)?.length, 1)
  for (const name of ['ISAScannerSize', 'ISAScannerAgent', 'SSPI'])
    t.match(output, `argv: warning: ${name}: `)
  t.equal(await daemon.stop(), 0)
})
