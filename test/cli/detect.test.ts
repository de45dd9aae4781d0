import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { startNtlmUpstream } from '../../src/demo/index.ts'
import { runProduct } from '../harness/product.ts'
import { freePort } from '../harness/real/port.ts'
import { run } from '../harness/real/run.ts'
import { makeTempDir } from '../harness/temp-dir.ts'

type Test = Parameters<typeof makeTempDir>[0]

const BIN = fileURLToPath(new URL('../../bin/tsntlm.js', import.meta.url))
const ACCOUNT = { user: 'testuser', domain: 'corp-uk', password: 'password' }
const V2_LINE =
  "PassNTLMv2      E097C611EA19C676CD79309A3A2F59A3    # Only for user 'testuser', domain 'corp-uk'"

async function startUpstream(test: Test) {
  const upstream = await startNtlmUpstream({
    accounts: [ACCOUNT],
    resolve: () => ({ host: '127.0.0.1', port: 1 }),
  })
  test.teardown(() => upstream.close())
  return upstream
}

/** A configuration without a Listen line. */
function writeConfig(test: Test, lines: readonly string[]): { file: string; state: string } {
  const dir = makeTempDir(test)
  const [file, state] = [join(dir, 'cntlm.conf'), join(dir, 'state')]
  const text = [`Username ${ACCOUNT.user}`, `Domain ${ACCOUNT.domain}`, `StateDirectory ${state}`]
  writeFileSync(file, [...text, ...lines, ''].join('\n'), { mode: 0o600 })
  return { file, state: join(state, 'logons.json') }
}

async function detect(args: readonly string[], input = '') {
  const { code, stdout, stderr } = await runProduct(args, { input, timeoutMs: 30_000 })
  return { code, out: stdout.toString(), err: stderr }
}

t.test('-M prints the dialect and its hash, from the file or the command line alone', async t => {
  const { address, counters } = await startUpstream(t)
  const proxy = `127.0.0.1:${address.port}`
  const { file } = writeConfig(t, [`Proxy ${proxy}`, `Password ${ACCOUNT.password}`])
  const bare = writeConfig(t, [])
  const cases: [args: string[], input: string][] = [
    [['-c', file, '-M', 'http://origin.test/'], ''],
    [['-c', file, '--detect=https://origin.test/'], ''],
    [['-IMhttp://origin.test/', '-c', bare.file, '127.0.0.1', String(address.port)], 'password\n'],
    [['-c', bare.file, '-p-', '-M', 'http://origin.test/', proxy], 'password\n'],
  ]
  for (const [args, input] of cases) {
    const { code, out, err } = await detect(args, input)
    t.equal(err, '')
    t.equal(code, 0)
    const lines = out.split('\n')
    t.strictSame(lines.slice(0, 1), [`${proxy}: asks for a logon, offers NTLM`])
    t.match(lines[1], /NTLMv2 as corp-uk\\testuser: accepted \(HTTP \d+\)$/)
    t.strictSame(lines.slice(3, 6), ['Auth            NTLMv2', 'PassEncoding    plain', V2_LINE])
  }
  t.equal(counters.type3s, cases.length)
})

t.test('a wrong password is sent once, also by the next run and under the name cntlm', async t => {
  const { address, counters } = await startUpstream(t)
  const { file, state } = writeConfig(t, [
    `Proxy 127.0.0.1:${address.port}`,
    `Proxy localhost:${address.port}`,
    'Password wr0ng-secret',
  ])
  const args = ['-c', file, '-M', 'http://origin.test/']
  const first = await detect(args)
  t.match(first, { code: 0, err: '', out: /: rejected \(HTTP 407\)\n[^]*second failed logon/ })
  t.match(first.out, /: tsntlm -a NTLM2SR -M http:\/\/origin\.test\/\n$/)
  t.match(readFileSync(state, 'utf8'), /"rejections":\[\d+\]/)

  const link = join(makeTempDir(t), 'cntlm')
  symlinkSync(BIN, link)
  for (const script of [BIN, link]) {
    const { code, stdout, stderr } = await run(process.execPath, [script, '-a', 'NT', ...args])
    t.equal(code, 1)
    t.match(stdout.toString(), /NT as corp-uk\\testuser: nothing was sent: .*not sent again/)
    t.match(stderr, /^argv: warning: Auth: NT is NTLMv1/)
    t.notMatch(stdout.toString() + stderr, 'wr0ng')
  }
  t.equal(counters.type3s, 1)
})

t.test('what the proxy learned from a rejection, -M knows', async t => {
  const { address, counters } = await startUpstream(t)
  const { file } = writeConfig(t, [`Proxy 127.0.0.1:${address.port}`, 'Password wr0ng-secret'])
  await detect(['-c', file, '-M', 'http://origin.test/'])
  writeFileSync(file, readFileSync(file, 'utf8').replace('wr0ng-secret', ACCOUNT.password))
  const { code, out } = await detect(['-c', file, '-M', 'http://origin.test/'])
  t.match({ code, out }, { code: 0, out: /accepted/ }, 'a changed file is another password')
  t.equal(counters.type3s, 2)
})

t.test('where nothing can be asked it says why and ends with 1', async t => {
  const dead = `127.0.0.1:${await freePort()}`
  const { file } = writeConfig(t, [`Proxy ${dead}`, `Password ${ACCOUNT.password}`])
  const bare = writeConfig(t, [])
  const cases: [args: string[], out: RegExp, err: RegExp][] = [
    [['-c', file, '-M', 'http://a/'], /^127[^\n]*: no answer: [^\n]*ECONNREFUSED\)\n$/, /^$/],
    [
      ['-c', file, '-M', 'origin'],
      /^$/,
      /^tsntlm: --detect needs a URL like http:[^\n]*"origin"\n$/,
    ],
    [['-c', file, '-M', 'ftp://a/'], /^$/, /^tsntlm: --detect needs a URL /],
    [
      ['-c', bare.file, '-M', 'http://a/'],
      /^$/,
      /^error: Proxy: [^\n]*\nerror: Password: [^\n]*\(-I asks for it\)\n$/,
    ],
    [['-M'], /^$/, /^tsntlm: option -M needs a value: URL\n/],
  ]
  for (const [args, out, err] of cases) {
    const result = await detect(args)
    t.match(result, { code: 1, out, err }, args.join(' '))
  }
})

const asRoot = process.getuid?.() === 0 ? {} : { skip: 'needs root' }

t.test('root leaves no state that the user who serves could not read', asRoot, async t => {
  const { address } = await startUpstream(t)
  const user = 65_534
  const cases: [args: string[], prepare: (state: string) => void][] = [
    [[], state => (mkdirSync(state, { mode: 0o700 }), chownSync(state, user, user))],
    [['-U', String(user)], () => undefined],
  ]
  for (const [args, prepare] of cases) {
    const { file, state } = writeConfig(t, [`Proxy 127.0.0.1:${address.port}`, 'Password wr0ng'])
    chmodSync(dirname(file), 0o755)
    prepare(dirname(state))
    // Without what tap loads into children: it writes files at their end, which another user may not.
    const command = ['-u', 'NODE_OPTIONS', process.execPath, BIN, '-c', file, ...args]
    const { code, stderr } = await run('env', [...command, '-M', 'http://origin.test/'])
    t.match({ code, stderr }, { code: 0, stderr: '' })
    t.equal(statSync(state).uid, user, args.join(' '))
  }
})
