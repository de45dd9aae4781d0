import t from 'tap'
import { DEFAULTS } from '../../../src/config/index.ts'
import { remarksOnEveryFile } from '../../../src/migration/index.ts'

t.test('what is so with every file ends with the Workstation where there is none', async t => {
  const without = remarksOnEveryFile(DEFAULTS)
  const named = remarksOnEveryFile({ ...DEFAULTS, workstation: 'BUILD01' })
  t.equal(without.length, named.length + 1)
  t.match(without.at(-1), { verdict: 'different', text: /^without Workstation/ })
  t.strictSame(remarksOnEveryFile(undefined), named)
})
