import t from 'tap'
import { LIMITS } from '../../../src/doctor/limits.ts'
import { runCheck } from './host.ts'

const SHOW = 'systemctl show --property=MainPID --value tsntlm.service'
const limits = (hard: string): string =>
  `Limit                     Soft Limit           Hard Limit           Units
Max processes             31521                31521                processes
Max open files            1024                 ${hard.padEnd(20)} files
`

t.test('the hard limit of the service counts, else that of the shell', async t => {
  const cases: [pid: string, path: string, hard: string, line: RegExp][] = [
    ['77\n', '/proc/77/limits', '65536', /^ok tsntlm\.service may open 65536/],
    ['77\n', '/proc/77/limits', 'unlimited', /^ok tsntlm\.service may open any number of/],
    [
      '0\n',
      '/proc/self/limits',
      '1024',
      /^note this shell may open 1024 .* enough for 384 clients at once/,
    ],
    ['', '/proc/other', '1', /^skipped /],
  ]
  for (const [pid, path, hard, line] of cases) {
    const files = { [path]: [limits(hard), 0o444] as const }
    t.match((await runCheck(LIMITS, {}, { programs: { [SHOW]: pid }, files })).lines, [line])
  }
})
