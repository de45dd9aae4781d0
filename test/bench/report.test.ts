import t from 'tap'
import { chart } from './chart.ts'
import { markdown } from './markdown.ts'
import { advantage, type Report, valueOf } from './results.ts'
import { rounded, spread } from './statistics.ts'
import { judge, TARGETS } from './targets.ts'

const REPORT: Report = {
  machine: 'a machine',
  subjects: [
    { name: 'tsntlm', what: 'we' },
    { name: 'cntlm', what: 'they | them' },
  ],
  tables: [
    {
      figure: {
        id: 'get-1kib-16',
        title: 'GETs',
        columns: [
          { key: 'rate', title: 'requests/s', better: 'more' },
          { key: 'cpu', title: 'CPU us/request', better: 'less' },
        ],
      },
      rows: [
        {
          subject: 'tsntlm',
          cell: {
            rounds: [
              { rate: 30, cpu: 1 },
              { rate: 10, cpu: 3 },
              { rate: 20, cpu: 2 },
            ],
            failure: undefined,
          },
        },
        {
          subject: 'cntlm',
          cell: { rounds: [{ rate: 5, cpu: 8 }], failure: undefined },
        },
        {
          subject: 'bare node',
          cell: { rounds: [{ rate: 5, cpu: 8 }], failure: '1 of 9 failed: 1 times timed out' },
        },
      ],
    },
  ],
}

t.test('the middle of several rounds is their median', async t => {
  t.same(spread([3, 1, 2]), { median: 2, min: 1, max: 3 })
  t.same(spread([4, 1]), { median: 2.5, min: 1, max: 4 })
  t.equal(spread([]), undefined)
})

t.test('three digits count', async t => {
  const cases: [value: number, text: string][] = [
    [0, '0'],
    [12345.6, '12346'],
    [123.4, '123'],
    [12.34, '12.3'],
    [1.234, '1.23'],
    [0.1234, '0.123'],
    [0.01234, '0.012'],
  ]
  for (const [value, text] of cases) t.equal(rounded(value), text)
})

t.test('a subject is so many times better, whichever way better is', async t => {
  const at = (median: number) => ({ median, min: median, max: median })
  t.equal(advantage(at(20), at(5), 'more'), 4)
  t.equal(advantage(at(2), at(8), 'less'), 4)
  t.equal(advantage(undefined, at(8), 'less'), undefined)
})

t.test('a figure with one failure is none', async t => {
  t.equal(valueOf(REPORT, 'get-1kib-16', 'bare node', 'rate'), undefined)
  t.match(markdown(REPORT), '| bare node | failed: 1 of 9 failed: 1 times timed out |')
})

t.test('a table has the values with their spread, and the ratio to each peer', async t => {
  const text = markdown(REPORT)
  t.match(text, '| tsntlm | 20.0 (10.0-30.0) | 2.00 (1.00-3.00) |  |')
  t.match(text, '| cntlm | 5.00 | 8.00 | x 4.00 |')
  t.match(text, '| cntlm | they \\| them |')
})

t.test('targets are met, missed, or not measured', async t => {
  const of = (text: string) =>
    judge(
      REPORT,
      TARGETS.find(target => target.text === text)!,
    )
  t.match(of("plain GET, 16 clients: rate by that of Debian's cntlm"), { value: 4, isMet: true })
  t.match(of('plain GET, 16 clients: CPU us each'), { value: 2, isMet: true })
  t.equal(of('plain GET, 16 clients: rate by that of bare node').isMet, undefined)
  t.equal(of('resident, idle: MiB').isMet, undefined)
})

t.test('the chart has a line for each subject that was measured, and escapes names', async t => {
  const svg = chart({ title: 'a < b', x: 'clients', y: 'rate' }, [
    { name: 'one & all', points: [10, 100, 1000].map(x => ({ x, y: x * 2 })) },
    { name: 'absent', points: [] },
  ])
  t.equal(svg.match(/<polyline/g)?.length, 1)
  t.match(svg, 'one &amp; all')
  t.match(svg, 'a &lt; b')
  t.notMatch(svg, 'absent')
  t.notMatch(svg, 'NaN')
})
