import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ORIGIN_NAME, startNtlmUpstream, startOrigin } from '../../src/demo/index.ts'
import type { Finding } from '../../src/doctor/index.ts'
import { startProduct } from '../harness/product.ts'
import { freePort } from '../harness/real/port.ts'
import { makeTempDir } from '../harness/temp-dir.ts'
import { tsntlm } from './program.ts'

type Test = Parameters<typeof makeTempDir>[0]

const ACCOUNT = { user: 'testuser', domain: 'corp-uk', password: 'Geheim-1' }

/** The embedded upstream, and lines for an account on it. */
async function startCorp(test: Test, password = ACCOUNT.password) {
  const origin = await startOrigin()
  test.teardown(() => origin.close())
  const upstream = await startNtlmUpstream({ accounts: [ACCOUNT], resolve: origin.resolve })
  test.teardown(() => upstream.close())
  const lines = [
    `Username ${ACCOUNT.user}`,
    `Domain ${ACCOUNT.domain}`,
    `Password ${password}`,
    `Proxy 127.0.0.1:${upstream.address.port}`,
  ]
  return { upstream, lines }
}

function writeConfig(test: Test, lines: readonly string[]): string {
  const dir = makeTempDir(test)
  const file = join(dir, 'tsntlm.conf')
  writeFileSync(file, [...lines, `StateDirectory ${join(dir, 'state')}`, ''].join('\n'), {
    mode: 0o600,
  })
  return file
}

interface Report {
  readonly code: number | null
  readonly of: (layer: string) => string[]
  readonly summary: Readonly<Record<string, number>>
}

async function doctor(args: readonly string[]): Promise<Report> {
  const { code, out, stderr } = await tsntlm(['doctor', '--json', ...args])
  if (!out.startsWith('{')) throw new Error(stderr)
  const report = JSON.parse(out) as { findings: Finding[]; summary: Report['summary'] }
  return {
    code,
    summary: report.summary,
    of: layer =>
      report.findings
        .filter(finding => finding.layer === layer)
        .map(({ verdict, text }) => `${verdict} ${text}`),
  }
}

t.test('a running tsntlm is followed to the certificate behind the upstream', async t => {
  const { upstream, lines } = await startCorp(t)
  const product = await startProduct({ config: lines })
  t.teardown(() => product.stop('SIGKILL'))
  const file = writeConfig(t, [...lines, `Listen 127.0.0.1:${product.port}`])
  const { of, summary } = await doctor(['-c', file, '--url', `https://${ORIGIN_NAME}/`])
  t.match(of('configuration').at(-1), /^ok .* 1 upstream, dialect NTLMv2/)
  t.match(of('listener'), [/^ok 127\.0\.0\.1:\d+ answers/])
  t.match(of('upstream tcp'), [/^ok /])
  t.match(of('upstream offer'), [/^ok .*offers NTLM/])
  t.match(of('clock'), [/^ok 0 s|^ok 1 s/])
  t.match(of('logon'), [/^ok .*takes the password/])
  t.match(of('connect'), [`ok CONNECT ${ORIGIN_NAME}:443: HTTP 200`])
  t.match(of('certificate'), [new RegExp(`^note ${ORIGIN_NAME} is certified by ${ORIGIN_NAME}`)])
  t.ok((summary['ok'] ?? 0) > 6)
  t.equal(upstream.counters.type3s, 2, 'one by doctor, one by the program that it asked')
})

t.test('a wrong password is sent once, and not at all by the next run', async t => {
  const { upstream, lines } = await startCorp(t, 'Wrong-1')
  const file = writeConfig(t, [...lines, `Listen 127.0.0.1:${await freePort()}`])
  const first = await doctor(['-c', file])
  t.equal(first.code, 1)
  t.match(first.of('logon'), [/^problem .*rejects the password/])
  t.match(first.of('listener'), [/^problem .*refused/])
  const second = await doctor(['-c', file, '--url', 'https://www.test/'])
  t.match(second.of('logon'), [/^problem no password was sent/])
  t.match(second.of('connect'), [/^skipped /])
  t.equal(upstream.counters.type3s, 1)
})

t.test('--no-logon shows no password, and the guard keeps no record', async t => {
  const { upstream, lines } = await startCorp(t)
  const file = writeConfig(t, [...lines, `Listen 127.0.0.1:${await freePort()}`])
  const { of } = await doctor(['-c', file, '--no-logon'])
  t.strictSame(of('logon'), ['skipped left out: --no-logon'])
  t.equal(upstream.counters.type3s, 0)
  t.notOk(existsSync(join(file, '../state')))
})

t.test('the report is lines for people, without secrets', async t => {
  const { lines } = await startCorp(t)
  const file = writeConfig(t, [...lines, `Listen 127.0.0.1:${await freePort()}`])
  chmodSync(file, 0o604)
  const { code, out, stderr } = await tsntlm(['doctor', '-c', file, '--container', 'no.such'])
  t.equal(code, 1)
  t.equal(stderr, '')
  const printed = out.trimEnd().split('\n')
  t.match(printed.at(-1), /^\d+ ok, \d+ note, \d+ problem, \d+ skipped$/)
  for (const line of printed.slice(0, -1))
    t.match(line, /^(?:(?:ok|note|problem|skipped) {1,8}\w[\w ]{13} \S| {9}-> \S)/)
  t.match(out, /problem {2}credentials {4}everybody on this host can read the password in/)
  t.notMatch(out, ACCOUNT.password)
})

t.test('bad input is told in a line', async t => {
  const missing = await doctor(['-c', '/nonexistent/tsntlm.conf'])
  t.equal(missing.code, 1)
  t.match(missing.of('configuration'), [/^problem .*the file does not exist/])
  t.match(missing.of('logon'), [/^skipped /])
  const url = await tsntlm(['doctor', '--url', 'https://u:Geheim-1@www.test/'])
  t.equal(url.code, 1)
  t.equal(url.out, '')
  t.match(url.stderr, /--url needs a URL/)
  t.notMatch(url.stderr, 'Geheim')
})
