import t from 'tap'
import { diagnose } from '../../../src/doctor/diagnose.ts'
import { note, ok, problem, skipped } from '../../../src/doctor/finding.ts'
import { describeFinding, isBroken, summarize } from '../../../src/doctor/report.ts'
import { factsWith, hostPorts } from './host.ts'

t.test('a finding is one line, and one more for each thing to do', async t => {
  t.strictSame(
    describeFinding({ layer: 'listener', ...problem('a\r\nb\x1b[1m', 'do this', 'or that') }),
    ['problem  listener       a b [1m', '         -> do this', '         -> or that'],
  )
})

t.test('the checks run in their order, and later ones know what earlier ones learned', async t => {
  const printed: string[] = []
  const findings = await diagnose(
    [
      {
        layer: 'one',
        run: () => ({ judgements: [ok('a'), note('b')], learned: { isServing: true } }),
      },
      { layer: 'two', run: async ({ isServing }) => ({ judgements: [skipped(`${isServing}`)] }) },
    ],
    factsWith(),
    hostPorts({}),
    ({ layer, text }) => void printed.push(`${layer} ${text}`),
  )
  t.strictSame(printed, ['one a', 'one b', 'two true'])
  t.equal(summarize(findings), '1 ok, 1 note, 0 problem, 1 skipped')
  t.equal(isBroken(findings), false)
  t.equal(isBroken([{ layer: 'x', ...problem('y') }]), true)
})
