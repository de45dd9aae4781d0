import t from 'tap'
import { bytes, columns, printable, span } from '../../../src/cli/columns.ts'

t.test('columns are as wide as their widest cell', async t => {
  t.strictSame(
    columns([
      ['A', 'LONG', 'C'],
      ['aaa', 'b', ''],
      ['', '', 'c'],
    ]),
    ['A    LONG  C', 'aaa  b', '           c'],
  )
})

t.test('a span has its two largest units', async t => {
  const cases: readonly (readonly [number, string])[] = [
    [-5, '0s'],
    [499, '0s'],
    [12_000, '12s'],
    [60_000, '1m'],
    [430_000, '7m 10s'],
    [7_500_000, '2h 5m'],
    [7_205_000, '2h'],
    [273_600_000, '3d 4h'],
  ]
  for (const [ms, text] of cases) t.equal(span(ms), text)
})

t.test('bytes are counted in units of 1024', async t => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0'],
    [1023, '1023'],
    [4096, '4.0k'],
    [1_572_864, '1.5M'],
    [3 * 1024 ** 3, '3.0G'],
  ]
  for (const [count, text] of cases) t.equal(bytes(count), text)
})

t.test('control characters do not reach the terminal', async t => {
  t.equal(printable('a\u001b[2Jb\u009bc'), 'a?[2Jb?c')
})
