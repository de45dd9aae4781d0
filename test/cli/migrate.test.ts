import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runProduct } from '../harness/product.ts'
import { makeTempDir } from '../harness/temp-dir.ts'

const LINES = [
  'Username testuser',
  'Domain CORP',
  'Password wonderland',
  'Proxy 10.0.0.41:8080',
  'Listen 172.17.0.1:3128',
]

function writeFile(test: Parameters<typeof makeTempDir>[0], lines: readonly string[]): string {
  const file = join(makeTempDir(test), 'cntlm.conf')
  writeFileSync(file, [...lines, ''].join('\n'), { mode: 0o600 })
  return file
}

t.test('migrate says what is different for the file, and ends with how to try it', async t => {
  const file = writeFile(t, [
    ...LINES,
    'SOCKS5Proxy 172.17.0.1:1080',
    'SOCKS5User dave:looking-glass',
  ])
  const { code, stdout, stderr } = await runProduct(['migrate', file])
  const lines = stdout.toString().split('\n')
  t.equal(code, 0)
  t.equal(stderr, '')
  t.match(lines[0], `${file}:7: SOCKS5User: different: cntlm ignores SOCKS5User`)
  t.match(lines[1], /^every file: /)
  t.ok(lines.includes(`${file} can be used: 6 same, 0 better, 1 different`))
  t.ok(lines.includes(`  tsntlm -c ${file} -l 127.0.0.1:13128`))
  t.notMatch(stdout.toString(), /wonderland|looking-glass/)
})

t.test('migrate --all names the lines that mean the same too', async t => {
  const file = writeFile(t, LINES)
  const { stdout } = await runProduct(['migrate', '--all', file])
  for (const [index, name] of ['Username', 'Domain', 'Password', 'Proxy', 'Listen'].entries())
    t.match(stdout.toString(), `${file}:${index + 1}: ${name}: same: `)
})

t.test('migrate ends with 1 where the file cannot be used, with the errors of check', async t => {
  const broken = writeFile(t, [...LINES, 'Listen 127.0.0.1'])
  const missing = join(makeTempDir(t), 'missing.conf')
  const cases: [file: string, errors: string, output: RegExp][] = [
    [
      broken,
      `${broken}:6:8: error: Listen: the port is missing`,
      /:6: Listen: different: .* port 127 /,
    ],
    [missing, `${missing}: error: the configuration cannot be read`, /^.* cannot be used: correct/],
  ]
  for (const [file, errors, output] of cases) {
    const { code, stdout, stderr } = await runProduct(['migrate', file])
    t.equal(code, 1)
    t.match(stderr, errors)
    t.match(stdout.toString(), output)
    t.match(stdout.toString(), `${file} cannot be used`)
  }
})

t.test('migrate wants a file that it can read twice, and says so', async t => {
  const { code, stdout, stderr } = await runProduct(['migrate', '/dev/null'])
  t.strictSame(
    { code, out: stdout.toString(), stderr },
    {
      code: 1,
      out: '',
      stderr: 'tsntlm migrate: /dev/null is no regular file: save it as one first\n',
    },
  )
})
