import t from 'tap'
import { type ErrorCode, ProxyError } from '../../../src/core/index.ts'
import type { RequestHead } from '../../../src/http1/index.ts'
import type { AttemptPhase } from '../../../src/policy/index.ts'
import { type Call, newTrace } from '../../../src/upstream/attempt.ts'
import type { Carrier } from '../../../src/upstream/carrier.ts'
import { deliver } from '../../../src/upstream/dispatcher.ts'
import { Exchange } from '../../../src/upstream/exchange.ts'
import { SessionPool } from '../../../src/upstream/session-pool.ts'
import { EventRecorder } from '../../harness/event-recorder.ts'
import { FakeClock } from '../../harness/fake-clock.ts'
import { WireEnd } from '../../harness/wire.ts'

const REQUEST: RequestHead = { method: 'GET', target: 'http://a/', headers: [] }

/** What happens to one attempt: a failure in a phase, or `ok`. */
type Outcome = 'ok' | { readonly code: ErrorCode; readonly phase: AttemptPhase }

function answered(): Exchange {
  const idle = { pause: () => {}, resume: () => {}, destroy: () => {}, isReusable: () => true }
  const head = { version: '1.1', status: 200, reason: 'OK', headers: [] } as const
  return new Exchange(head, { kind: 'none' }, idle)
}

/** A carrier that goes through a list of outcomes. */
function carrier(label: string, log: string[], outcomes: Outcome[], isAvailable = true): Carrier {
  let dialFailure: ProxyError | undefined
  const next = (): Outcome => outcomes.shift() ?? 'ok'
  let outcome: Outcome = 'ok'
  let ids = 0
  const pool = new SessionPool({
    label,
    clock: new FakeClock(),
    emit: () => undefined,
    nextId: () => ++ids,
    dial: async () => {
      outcome = next()
      dialFailure =
        outcome !== 'ok' && outcome.phase === 'dial' ? new ProxyError(outcome.code) : undefined
      log.push(label)
      if (dialFailure !== undefined) throw dialFailure
      return WireEnd.pair()[0]
    },
    maxSessions: 10,
    maxConnecting: 10,
    idleMs: 1_000,
    waitMs: 1_000,
    maxWaiting: 1_000,
  })
  return {
    way: 'upstream',
    label,
    pool,
    isAvailable: () => isAvailable,
    backInMs: () => (isAvailable ? 0 : 7_500),
    carry: async attempt => {
      if (outcome === 'ok') return answered()
      attempt.phase = outcome.phase
      throw new ProxyError(outcome.code)
    },
    failed: error => log.push(`${label} failed ${error.code}`),
    succeeded: () => log.push(`${label} succeeded`),
  }
}

function call(options: Partial<Call> = {}): Call {
  return {
    requestFor: () => REQUEST,
    body: undefined,
    isIdempotent: true,
    signal: new AbortController().signal,
    onInformational: () => undefined,
    trace: newTrace(),
    ...options,
  }
}

const TOOLS = { clock: new FakeClock(), emit: () => undefined }

const dial = (code: ErrorCode): Outcome => ({ code, phase: 'dial' })
const handshake = (code: ErrorCode): Outcome => ({ code, phase: 'handshake' })
const request = (code: ErrorCode): Outcome => ({ code, phase: 'request' })

interface Case {
  readonly a: Outcome[]
  readonly b?: Outcome[]
  readonly isIdempotent?: boolean
  /** The order of dials, without the events. */
  readonly way: string
  readonly fails?: ErrorCode
}

const CASES: Record<string, Case> = {
  'the first one works': { a: ['ok'], b: [], way: 'a' },
  'the first one cannot be dialled': { a: [dial('DIAL_REFUSED')], b: ['ok'], way: 'a b' },
  'nobody can be dialled': {
    a: [dial('DIAL_REFUSED')],
    b: [dial('DIAL_TIMEOUT')],
    way: 'a b',
    fails: 'DIAL_TIMEOUT',
  },
  'alone, a dial is not repeated': { a: [dial('DIAL_REFUSED')], way: 'a', fails: 'DIAL_REFUSED' },
  'alone, a broken connection is': { a: [handshake('UPSTREAM_CLOSED')], way: 'a a' },
  'but once': {
    a: [handshake('UPSTREAM_CLOSED'), handshake('UPSTREAM_CLOSED')],
    way: 'a a',
    fails: 'UPSTREAM_CLOSED',
  },
  'a lost handshake is repeated on the same upstream, at most thrice': {
    a: Array.from({ length: 9 }, () => handshake('AUTH_STATE_LOST')),
    way: 'a a a a',
    fails: 'AUTH_STATE_LOST',
  },
  'then the next upstream has its turn': {
    a: Array.from({ length: 9 }, () => handshake('AUTH_STATE_LOST')),
    b: ['ok'],
    way: 'a a a a b',
  },
  'a rejected credential goes nowhere else': {
    a: [request('AUTH_REJECTED')],
    b: ['ok'],
    way: 'a',
    fails: 'AUTH_REJECTED',
  },
  'a request that may have been executed is not repeated': {
    a: [request('UPSTREAM_CLOSED')],
    b: ['ok'],
    isIdempotent: false,
    way: 'a',
    fails: 'UPSTREAM_CLOSED',
  },
  'one that may be repeated is': { a: [request('UPSTREAM_CLOSED')], b: ['ok'], way: 'a b' },
  'a slow origin is not asked twice': {
    a: [request('UPSTREAM_TIMEOUT')],
    b: ['ok'],
    way: 'a',
    fails: 'UPSTREAM_TIMEOUT',
  },
}

for (const [name, { a, b, way, fails, isIdempotent = true }] of Object.entries(CASES)) {
  t.test(name, async t => {
    const log: string[] = []
    const carriers = [
      carrier('a', log, [...a]),
      ...(b === undefined ? [] : [carrier('b', log, [...b])]),
    ]
    const one = call({ isIdempotent })
    const delivered = deliver(carriers, one, TOOLS)
    if (fails === undefined) t.equal((await delivered).exchange.head.status, 200)
    else await t.rejects(delivered, { code: fails })
    t.equal(log.filter(line => !line.includes(' ')).join(' '), way)
    t.equal(one.trace.attempts, way.split(' ').length)
  })
}

t.test('carriers that are marked down come last, and are tried nevertheless', async t => {
  const log: string[] = []
  const carriers = [
    carrier('a', log, [], false),
    carrier('b', log, [dial('DIAL_REFUSED')]),
    carrier('c', log, [dial('DIAL_REFUSED')], false),
  ]
  const one = call()
  await deliver(carriers, one, TOOLS)
  t.same(log, ['b', 'b failed DIAL_REFUSED', 'a', 'a succeeded'])
  t.equal(one.trace.upstream, 'a')
})

t.test('nobody to send to, nobody to wait for', async t => {
  await t.rejects(deliver([], call(), TOOLS), { code: 'NO_UPSTREAM' })
  const log: string[] = []
  const abort = new AbortController()
  abort.abort()
  const carriers = [carrier('a', log, []), carrier('b', log, [])]
  await t.rejects(deliver(carriers, call({ signal: abort.signal }), TOOLS), {
    code: 'CLIENT_ABORTED',
  })
  t.same(log, [])
})

t.test('a mistake of our own is reported as such and blamed on nobody', async t => {
  const log: string[] = []
  const recorder = new EventRecorder()
  const broken = carrier('a', log, [])
  const mistake = new TypeError('undefined is not a function')
  const carriers = [
    { ...broken, carry: async () => Promise.reject(mistake) },
    carrier('b', log, []),
  ]
  await t.rejects(deliver(carriers, call(), { ...TOOLS, emit: recorder.emit }), { code: 'BUG' })
  t.match(recorder.all('bug'), [{ error: mistake }])
  t.same(log, ['a'])
})
