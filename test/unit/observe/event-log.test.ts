import t from 'tap'
import type { ProxyEvent } from '../../../src/core/index.ts'
import { accessFields, accessText } from '../../../src/observe/access-record.ts'
import { createEventLog, type EventLog } from '../../../src/observe/event-log.ts'
import { createLogger, LineWriter } from '../../../src/observe/logger.ts'
import { FakeClock } from '../../harness/fake-clock.ts'
import { requestFinished } from './request-finished.ts'

interface Line {
  readonly msg: string
  readonly client?: string
  readonly repeats?: number
}

function setUp(): { clock: FakeClock; log: EventLog; lines: Line[] } {
  const clock = new FakeClock()
  const lines: Line[] = []
  const write = (line: string): void => void lines.push(JSON.parse(line) as Line)
  const destination = { write }
  const writer = new LineWriter({ format: 'json', colour: false, journald: false, destination })
  const logger = createLogger('debug', writer)
  return { clock, log: createEventLog(logger, clock), lines }
}

function denied(client: string): ProxyEvent {
  return { type: 'client.denied', client, rule: 'Deny 172.18.0.0/16' }
}

t.test('a failure that keeps coming is written five times, then once with the count', async t => {
  const { clock, log, lines } = setUp()
  for (let port = 1; port <= 25; port++) log.emit(denied(`172.18.0.9:${port}`))
  t.equal(lines.length, 5)
  clock.advance(60_000)
  t.equal(lines.length, 6)
  t.match(lines[5], { msg: 'client denied, again and again', client: '172.18.0.9:25', repeats: 20 })
  log.emit(denied('172.18.0.9:26'))
  t.match(lines[6], { msg: 'client denied' }, 'a new minute begins')
})

t.test('five or fewer need no summary', async t => {
  const { clock, log, lines } = setUp()
  for (let i = 0; i < 5; i++) log.emit(denied('172.18.0.9:1'))
  clock.advance(60_000)
  t.equal(lines.length, 5)
  t.equal(clock.pendingTimers, 0)
})

t.test('failures of different kinds are counted apart', async t => {
  const failures: ((i: number) => ProxyEvent)[] = [
    () => denied('172.18.0.9:1'),
    () => denied('172.18.0.10:1'),
    () => denied('[fd00::9]:1'),
    i => ({ type: 'upstream.failed', upstream: 'a:1', error: 'DIAL_REFUSED', detail: `${i}` }),
    i => ({ type: 'upstream.failed', upstream: 'a:1', error: 'DIAL_TIMEOUT', detail: `${i}` }),
    i => ({ type: 'upstream.failed', upstream: 'b:1', error: 'DIAL_REFUSED', detail: `${i}` }),
    i => ({ type: 'upstream.limited', upstream: 'a:1', status: 429, waitMs: i }),
    () => ({ type: 'client.malformed', client: 'c:1', error: 'BAD_REQUEST', reason: 'no' }),
    i => ({ type: 'pac.faulted', location: '/p', error: 'PAC_SYNTAX', detail: `${i}` }),
    i => ({ type: 'pac.faulted', location: '/p', error: 'PAC_TIMEOUT', detail: `${i}` }),
  ]
  const { log, lines } = setUp()
  for (let i = 0; i < 8; i++) for (const failure of failures) log.emit(failure(i))
  t.equal(lines.length, 5 * failures.length)
  log.flush()
  t.equal(lines.length, 6 * failures.length)
  t.ok(lines.slice(5 * failures.length).every(line => line.repeats === 3))
})

t.test('many clients at once cannot make the table of failures grow without end', async t => {
  const { clock, log, lines } = setUp()
  for (let i = 0; i < 5000; i++) log.emit(denied(`10.${i >> 8}.${i & 255}.1:9`))
  t.equal(clock.pendingTimers, 201)
  t.equal(lines.length, 205)
  clock.advance(60_000)
  t.match(lines[205], { repeats: 4795 })
  t.equal(lines.length, 206)
})

t.test('other events are never held back', async t => {
  const { log, lines } = setUp()
  for (let i = 0; i < 50; i++) log.emit(requestFinished({}))
  t.equal(lines.length, 50)
})

t.test('the access text says how the request went', async t => {
  const cases: [Parameters<typeof requestFinished>[0], string][] = [
    [{}, '172.17.0.2:51234 CONNECT example.com:443 via 10.0.0.41:8080 200 in=517 out=4096 34ms --'],
    [
      { method: 'GET', target: 'http://h/p', route: 'direct', upstream: undefined },
      '172.17.0.2:51234 GET http://h/p direct 200 in=517 out=4096 34ms --',
    ],
    [
      {
        status: 502,
        attempts: 2,
        termination: 'SA',
        error: 'AUTH_REJECTED',
        detail: 'CORP\\alice at 10.0.0.41:8080',
      },
      '172.17.0.2:51234 CONNECT example.com:443 via 10.0.0.41:8080 502 in=517 out=4096 34ms SA tries=2 ' +
        'AUTH_REJECTED "CORP\\alice at 10.0.0.41:8080"',
    ],
    [
      { target: 'http://h/\u0007', route: 'none', upstream: undefined, status: 400 },
      '172.17.0.2:51234 CONNECT http://h/\\u0007 none 400 in=517 out=4096 34ms --',
    ],
  ]
  for (const [change, text] of cases) {
    const event = requestFinished(change)
    if (event.type !== 'request.finished') throw new Error('not a record')
    t.equal(accessText(accessFields(event.record)), text)
  }
})
