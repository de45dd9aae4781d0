import { readFileSync } from 'node:fs'
import t from 'tap'
import { type ErrorCode, ERRORS, type RequestRecord } from '../../src/core/index.ts'
import { accessFields, accessText } from '../../src/observe/access-record.ts'
import { type Stage, terminationOf } from '../../src/policy/index.ts'

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
}

/** The cells of all table rows that begin with a word in backquotes, the backquotes taken off. */
function rows(markdown: string): string[][] {
  return markdown
    .split('\n')
    .filter(line => line.startsWith('| `'))
    .map(line => line.split('|').slice(1, -1))
    .map(cells => cells.map(cell => cell.trim().replace(/^`([^`]+)`$/, '$1')))
}

/** The rows between a heading of a table and the next empty line. */
function rowsUnder(markdown: string, heading: string): string[][] {
  const at = markdown.indexOf(heading)
  return at < 0 ? [] : rows(markdown.slice(at).split('\n\n')[0] ?? '')
}

const errors = read('docs/errors.md')
const logs = read('docs/logs.md')
const CODES = Object.keys(ERRORS) as ErrorCode[]

t.test('docs/errors.md has a row for every error code and for no other', async t => {
  const documented = rows(errors).map(([code]) => code)
  t.same([...documented].sort(), [...CODES].sort())
})

t.test('docs/errors.md gives status and fault as the table of errors has them', async t => {
  for (const [code = '', status, fault, meaning = '', remedy = ''] of rows(errors)) {
    const row = ERRORS[code as ErrorCode]
    t.equal(status, String(row.status), `${code} status`)
    t.equal(fault, row.blame, `${code} fault`)
    t.ok(meaning.length > 20 && remedy.length > 5, `${code} is explained`)
  }
})

t.test('docs/logs.md explains each letter that a request can end with, and no other', async t => {
  const stages: Stage[] = ['request', 'upstream', 'data']
  const terms = [undefined, ...CODES].flatMap(code =>
    stages.map(stage => terminationOf(code, stage)),
  )
  const columns: [string, number][] = [
    ['| first |', 0],
    ['| second |', 1],
  ]
  for (const [heading, at] of columns) {
    const letters = new Set(terms.map(term => term.charAt(at)))
    const documented = rowsUnder(logs, heading).map(([letter]) => letter)
    t.same([...documented].sort(), [...letters].sort(), heading)
  }
})

const RECORD: RequestRecord = {
  id: '643c-3' as RequestRecord['id'],
  client: '172.17.0.2:57262',
  method: 'CONNECT',
  target: 'example.com:443',
  isTunnel: true,
  route: 'upstream',
  upstream: '10.0.0.42:8080',
  status: 200,
  bytesIn: 728,
  bytesOut: 2195,
  totalMs: 16.2,
  responseMs: 1.9,
  connectMs: 0,
  authMs: 0,
  attempts: 1,
  termination: '--',
  error: undefined,
  detail: undefined,
}

t.test('docs/logs.md names every field of the access line and no other', async t => {
  const fields = accessFields({ ...RECORD, error: 'BUG', detail: 'all fields are there' })
  const documented = rowsUnder(logs, '| field |').map(([name]) => name)
  t.same([...documented].sort(), Object.keys(fields).sort())
})

t.test('docs/logs.md names every event with its level', async t => {
  const source = readFileSync(new URL('../../src/observe/log-events.ts', import.meta.url), 'utf8')
  const events = [...source.matchAll(/^ {2}'?([a-zA-Z.]+)'?: \{\s*level: '([a-z]+)'/gm)]
  t.ok(events.length > 30)
  const documented = rows(logs).flatMap(([names = '', level = '']) =>
    names.split(', ').map(name => [name.replaceAll('`', ''), level] as const),
  )
  for (const [, name = '', level = ''] of events) {
    const [, levels] = documented.find(row => row[0] === name) ?? []
    t.match(levels, level, name)
  }
})

t.test('the access lines that docs/logs.md shows are what is written', async t => {
  const fields = accessFields(RECORD)
  const shown: unknown = JSON.parse(/```json\n(.*)\n```/.exec(logs)?.[1] ?? '')
  t.match(shown, { ...fields, event: 'request.finished', msg: 'request finished' })
  t.ok(logs.includes(accessText(fields)))
})
