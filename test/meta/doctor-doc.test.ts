import { readFileSync } from 'node:fs'
import t from 'tap'
import { CHECKS } from '../../src/doctor/index.ts'

t.test('docs/doctor.md has a row for each check and for no other, in their order', async t => {
  const text = readFileSync(new URL('../../docs/doctor.md', import.meta.url), 'utf8')
  const table = text.split('\n## Checks\n')[1]?.split('\n## ')[0] ?? ''
  const rows = [...table.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name)
  t.strictSame(
    rows,
    CHECKS.map(({ layer }) => layer),
  )
})
