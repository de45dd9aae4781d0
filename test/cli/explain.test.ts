import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runProduct } from '../harness/product.ts'
import { makeTempDir } from '../harness/temp-dir.ts'

const LINES = [
  'Username alice',
  'Password wonderland',
  'Proxy 10.0.0.41:8080',
  'Proxy 10.0.0.42:8080',
  'Listen 3128',
  'NoProxy 127.0.0.*, 10.0.0.1-10.0.0.9, *.corp.test:443',
]

t.test('explain names the way of a target and the rule that decides', async t => {
  const file = join(makeTempDir(t), 'cntlm.conf')
  writeFileSync(file, [...LINES, ''].join('\n'), { mode: 0o600 })
  const parents = 'goes through 10.0.0.41:8080, then 10.0.0.42:8080: no NoProxy pattern matches\n'
  const cases: [target: string, output: string][] = [
    ['http://example.com/a?b', `example.com:80 ${parents}`],
    ['https://origin.corp.test/', 'origin.corp.test:443 goes directly: NoProxy *.corp.test:443\n'],
    ['http://origin.corp.test/', `origin.corp.test:80 ${parents}`],
    ['10.0.0.5:22', '10.0.0.5:22 goes directly: NoProxy 10.0.0.1-10.0.0.9\n'],
    [
      'http://127.0.0.1/',
      '127.0.0.1:80 goes directly: NoProxy 127.0.0.*\n' +
        'clients of other hosts are refused, as 127.0.0.1 belongs to this host (DirectToLocal)\n',
    ],
  ]
  await Promise.all(
    cases.map(async ([target, output]) => {
      const { code, stdout } = await runProduct(['explain', '-c', file, target])
      t.equal(stdout.toString(), output)
      t.equal(code, 0)
    }),
  )
})

t.test('explain leaves to the Pac script what NoProxy does not cover', async t => {
  const file = join(makeTempDir(t), 'cntlm.conf')
  writeFileSync(file, [...LINES, 'Pac /etc/proxy.pac', ''].join('\n'), { mode: 0o600 })
  const { code, stdout } = await runProduct(['explain', '-c', file, 'http://example.com/'])
  t.equal(code, 0)
  t.match(
    stdout.toString(),
    'example.com:80 goes where the Pac script says, which "tsntlm pac" asks',
  )
  const { stdout: direct } = await runProduct(['explain', '-c', file, '10.0.0.5:22'])
  t.match(direct.toString(), 'goes directly: NoProxy')
})

t.test('explain refuses what is no target, and a configuration that cannot be used', async t => {
  const junk = await runProduct(['explain', 'nonsense'])
  t.equal(junk.code, 1)
  t.match(junk.stderr, '"nonsense" is neither a URL nor host:port')
  const missing = await runProduct(['explain', '-c', join(makeTempDir(t), 'none'), 'http://a/'])
  t.equal(missing.code, 1)
  t.match(missing.stderr, 'the file does not exist')
})
