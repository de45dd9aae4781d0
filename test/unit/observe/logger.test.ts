import t from 'tap'
import { closeSync, fstatSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { ProxyError, type ProxyEvent, Secret } from '../../../src/core/index.ts'
import { leadsToJournal } from '../../../src/observe/journal.ts'
import { logEvent } from '../../../src/observe/log-events.ts'
import {
  createLogger,
  LineWriter,
  type LogLevel,
  type LogOutput,
} from '../../../src/observe/logger.ts'
import { requestFinished } from './request-finished.ts'

function collect({ level = 'debug', ...output }: Partial<LogOutput> & { level?: LogLevel }): {
  lines: string[]
  writer: LineWriter
  log: (e: ProxyEvent) => void
} {
  const lines: string[] = []
  const writer = new LineWriter({
    format: 'json',
    colour: false,
    journald: false,
    destination: { write: line => void lines.push(line) },
    ...output,
  })
  const logger = createLogger(level, writer)
  return { lines, writer, log: event => logEvent(logger, event) }
}

t.test(
  'a JSON line has time, level by name, the event, its fields and a constant message',
  async t => {
    const { lines, log } = collect({})
    log({ type: 'listener.bound', address: '127.0.0.1:3128' })
    const [line = ''] = lines
    t.ok(line.endsWith('}\n'))
    const { time, ...rest } = JSON.parse(line) as Record<string, unknown>
    t.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    t.same(rest, {
      level: 'info',
      event: 'listener.bound',
      address: '127.0.0.1:3128',
      msg: 'listening',
    })
  },
)

t.test('a text line is for a person', async t => {
  const { lines, log } = collect({ format: 'text' })
  log({ type: 'service.started', listeners: ['127.0.0.1:3128', '[::1]:3128'], upstreams: [] })
  log({ type: 'listener.failed', address: '10.0.0.1:80', reason: 'permission denied' })
  t.match(lines[0], /^\S+Z info {2}ready listeners=127\.0\.0\.1:3128,\[::1\]:3128 upstreams=-\n$/)
  t.match(
    lines[1],
    /^\S+Z error cannot listen address=10\.0\.0\.1:80 reason="permission denied"\n$/,
  )
})

t.test('a request is one line of text', async t => {
  const { lines, log } = collect({ format: 'text' })
  log(requestFinished({}))
  t.match(
    lines[0],
    /Z info {2}172\.17\.0\.2:51234 CONNECT example\.com:443 via 10\.0\.0\.41:8080 200 in=517 out=4096 34ms --\n$/,
  )
})

t.test('what a client chose cannot forge a line or steer a terminal', async t => {
  const { lines, log } = collect({ format: 'text' })
  log({
    type: 'client.malformed',
    client: '172.17.0.2:1',
    error: 'BAD_REQUEST',
    reason: 'x\ninfo forged \u001b[2J \u202e',
  })
  t.match(lines[0], /reason="x\\u000ainfo forged \\u001b\[2J \\u202e"\n$/)
})

t.test('under journald a line begins with its syslog priority', async t => {
  const cases: [ProxyEvent, string][] = [
    [{ type: 'bug', error: 'odd' }, '<3>'],
    [{ type: 'upstream.down', upstream: 'a:1', forMs: 5, error: 'DIAL_REFUSED' }, '<4>'],
    [{ type: 'upstream.up', upstream: 'a:1' }, '<6>'],
    [requestFinished({}), '<6>'],
  ]
  for (const format of ['json', 'text'] as const) {
    const { lines, log } = collect({ format, journald: true })
    for (const [event] of cases) log(event)
    t.same(
      lines.map(line => line.slice(0, 3)),
      cases.map(([, prefix]) => prefix),
    )
  }
  const { lines, log } = collect({ format: 'text', journald: true })
  log({ type: 'upstream.up', upstream: 'a:1' })
  t.equal(lines[0], '<6>info  upstream is up again upstream=a:1\n', 'journald has the time')
})

t.test('every line of a stack has the priority and stays one journal entry each', async t => {
  const { lines, log } = collect({ format: 'text', journald: true })
  log({ type: 'bug', error: new ProxyError('BUG', { detail: 'state "x"' }) })
  const parts = (lines[0] ?? '').trimEnd().split('\n')
  t.ok(parts.length > 2)
  t.ok(parts.every(part => part.startsWith('<3>')))
})

t.test('a bug is logged with its stack', async t => {
  const { lines, log } = collect({})
  log({ type: 'bug', error: new ProxyError('BUG', { detail: 'no such state' }) })
  const line = JSON.parse(lines[0] ?? '') as { level: string; err: { code: string; stack: string } }
  t.equal(line.level, 'error')
  t.equal(line.err.code, 'BUG')
  t.match(line.err.stack, /no such state\n +at /)
})

t.test('levels below the chosen one are left out', async t => {
  const { lines, log } = collect({ level: 'warn' })
  log(requestFinished({}))
  log({ type: 'upstream.down', upstream: 'a:1', forMs: 5, error: 'DIAL_REFUSED' })
  t.equal(lines.length, 1)
})

t.test('a secret in any field prints as [secret]', async t => {
  const secret = new Secret('SecREt01') as unknown as string
  const events: ProxyEvent[] = [
    { type: 'listener.failed', address: secret, reason: secret },
    { type: 'guard.tripped', account: secret, upstream: secret, forMs: 1 },
    { type: 'service.started', listeners: [secret], upstreams: [secret] },
    { type: 'bug', error: Object.assign(new Error('bad'), { password: secret, deep: { secret } }) },
    { type: 'bug', error: secret },
    requestFinished({ target: secret, detail: secret, client: secret }),
  ]
  for (const format of ['json', 'text'] as const) {
    const { lines, log } = collect({ format })
    for (const event of events) log(event)
    t.equal(lines.length, events.length)
    t.notMatch(lines.join(''), /SecREt01/)
  }
  const { lines, log } = collect({})
  for (const event of events) log(event)
  t.ok(lines.every(line => line.includes('[secret]')))
})

t.test('where lines go and their form can change between two lines', t => {
  const { lines, log, writer } = collect({})
  const up: ProxyEvent = { type: 'upstream.up', upstream: 'a:1' }
  const others: string[] = []
  log(up)
  const destination = { write: (line: string) => void others.push(line) }
  writer.output = { format: 'text', colour: true, journald: false, destination }
  log(up)
  t.match(lines, [/^\{.*\}\n$/])
  t.match(others, [/Z \u001b\[32minfo \u001b\[0m upstream is up again upstream=a:1\n$/])
  t.equal(lines.length, 1)
  t.end()
})

t.test('lost lines are told of with their number', t => {
  for (const format of ['json', 'text'] as const) {
    const { lines, log } = collect({ format })
    log({ type: 'log.lost', lines: 17 })
    t.match(lines[0], 'log lines lost: 17')
  }
  t.end()
})

t.test('output leads to the journal when JOURNAL_STREAM names that very stream', async t => {
  const fd = openSync(join(t.testdir({}), 'stream'), 'w')
  t.teardown(() => closeSync(fd))
  const { dev, ino } = fstatSync(fd)
  t.ok(leadsToJournal(fd, `${dev}:${ino}`))
  t.notOk(leadsToJournal(fd, `${dev}:${ino + 1}`))
  t.notOk(leadsToJournal(fd, ''))
  t.notOk(leadsToJournal(fd, undefined))
})
