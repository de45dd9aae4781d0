import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { DIRECTIVES } from '../../src/config/index.ts'
import { ERRORS } from '../../src/core/index.ts'

const ROOT = new URL('../../', import.meta.url)

const [, limits = ''] = readFileSync(new URL('docs/management.md', ROOT), 'utf8').split(
  '\n## Limits\n',
)

/** The rows of the tables of limits, a cell each. */
const rows = limits
  .split(/^## /m)[0]!
  .split('\n')
  .filter(line => line.startsWith('| ') && !line.startsWith('| directive '))
  .map(line => line.split('|').slice(1, -1))
  .map(cells => cells.map(cell => cell.trim()))

const inCode = (text: string): string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)

t.test('every limit of the configuration has its row, with its default', async t => {
  const wanted = DIRECTIVES.filter(({ name }) => /^Max|(Timeout|Grace)$/.test(name))
  for (const { name, defaultText } of wanted) {
    const row = rows.find(([first = '']) => first === `\`${name}\``)
    t.match(row?.[1]?.replaceAll('`', ''), new RegExp(`^${defaultText}\\b`), name)
  }
  t.ok(wanted.length > 12)
})

t.test('every row says what is answered and names a test that is there', async t => {
  for (const cells of rows) {
    t.equal(cells.length, 6, cells.join())
    const [name = '', , , answer = '', , tests = ''] = cells
    for (const [, status, code = ''] of answer.matchAll(/(\d{3}) `([A-Z_]+)`/g))
      t.equal(status, String(ERRORS[code as keyof typeof ERRORS].status), code)
    const files = inCode(tests)
    t.ok(files.length > 0, name)
    for (const file of files) t.ok(existsSync(new URL(file, ROOT)), file)
  }
})
