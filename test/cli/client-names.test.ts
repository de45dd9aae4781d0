import t from 'tap'
import { openClient } from '../harness/http-client.ts'
import { freePort } from '../harness/real/port.ts'
import { until } from '../harness/real/until.ts'
import { answers, DIRECT, serve, tsntlm, writeConfig } from './program.ts'

t.test('clients may be named by their host', async t => {
  const port = await freePort()
  const rules = ['Deny nobody.localhost/32', 'Allow localhost', 'Deny *']
  const open = await serve(t, [
    '-c',
    writeConfig(t, [...DIRECT, `Listen ${port}`, ...rules.slice(1)]),
  ])
  t.ok(await answers(port))
  t.equal(await open.stop(), 0)
  const closed = await serve(t, ['-c', writeConfig(t, [...DIRECT, `Listen ${port}`, ...rules])])
  const client = await openClient(port)
  t.teardown(() => client.destroy())
  t.equal((await client.request('GET / HTTP/1.1\nHost: nowhere')).status, 403)
  await until('the line', () => closed.output().includes('Deny nobody.localhost/32') || undefined)
  t.equal(await closed.stop(), 0)
})

t.test('names that cannot be resolved end the start, each with its line', async t => {
  const file = writeConfig(t, [...DIRECT, 'Listen 1', 'Allow a.invalid', '  Deny   b.invalid/24'])
  const lines = [
    `${file}:4:7: error: Allow: a.invalid has no address that this host can find`,
    `${file}:5:10: error: Deny: b.invalid has no address that this host can find`,
  ]
  for (const args of [
    ['-c', file],
    ['check', '-c', file],
  ]) {
    const { code, out, stderr } = await tsntlm(args)
    t.equal(code, 1)
    t.strictSame(
      stderr
        .trimEnd()
        .split('\n')
        .map(line => line.replace(/ \(.*\)$/, '')),
      lines,
    )
    t.match(out, args[0] === 'check' ? `${file} cannot be used: 2 errors, 0 warnings\n` : /^$/)
  }
  const onLine = await tsntlm(['-c', writeConfig(t, [...DIRECT, 'Listen 1']), '-D', 'c.invalid'])
  t.match(onLine, { code: 1, stderr: /^argv: error: Deny: c\.invalid has no address / })
})
