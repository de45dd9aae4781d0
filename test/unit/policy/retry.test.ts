import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { type ErrorCode, ERRORS } from '../../../src/core/index.ts'
import {
  type AttemptPhase,
  decideRetry,
  type Evidence,
  evidenceAgainstUpstream,
  type FailedAttempt,
  type RetryDecision,
} from '../../../src/policy/index.ts'

const FLAGS = [false, true]

const ATTEMPTS: readonly Omit<FailedAttempt, 'code'>[] = (
  ['dial', 'handshake', 'request'] satisfies AttemptPhase[]
).flatMap(phase =>
  FLAGS.flatMap(reused =>
    FLAGS.flatMap(replayable =>
      FLAGS.flatMap(idempotent =>
        FLAGS.map(otherReading => ({
          ...{ phase, reused, replayable, idempotent, otherReading },
          ...{ spare: false, ownRequest: true, heard: true, secondHand: false },
        })),
      ),
    ),
  ),
)

/** Every attempt that agrees with what is given. */
function attempts(given: Partial<FailedAttempt>, code: ErrorCode): FailedAttempt[] {
  const all = ATTEMPTS.map(attempt => ({ ...attempt, code }))
  return all.filter(attempt => isDeepStrictEqual(attempt, { ...attempt, ...given }))
}

const describe = ({ code, ...rest }: FailedAttempt): string => `${code} ${JSON.stringify(rest)}`

t.test('the retry law', async t => {
  type Row = [given: Partial<FailedAttempt>, decision: RetryDecision]
  const lost: Row[] = [
    [{ replayable: true }, 'fresh-session'],
    [{ replayable: false }, 'give-up'],
  ]
  const beforeRequest: Row[] = [
    [{ phase: 'dial' }, 'next-upstream'],
    [{ phase: 'handshake' }, 'next-upstream'],
  ]
  const broken: Row[] = [
    ...beforeRequest,
    [{ phase: 'request', replayable: true, idempotent: true, reused: true }, 'fresh-session'],
    [{ phase: 'request', replayable: true, idempotent: true, reused: false }, 'next-upstream'],
    [{ phase: 'request', replayable: false }, 'give-up'],
    [{ phase: 'request', replayable: true, idempotent: false }, 'give-up'],
  ]
  const law: Record<ErrorCode, Row[]> = {
    DIAL_REFUSED: broken,
    DIAL_TIMEOUT: broken,
    DIAL_UNREACHABLE: broken,
    DIAL_DNS: broken,
    UPSTREAM_CLOSED: broken,
    UPSTREAM_PROTOCOL: broken,
    UPSTREAM_HEADER_LIMIT: broken,
    // In a handshake nothing of the client's was sent; a slow answer to the request itself is the origin's.
    UPSTREAM_TIMEOUT: [...beforeRequest, [{ phase: 'request' }, 'give-up']],
    // A probe has shown that it is the upstream that does not answer.
    UPSTREAM_SILENT: broken,
    AUTH_NOT_OFFERED: broken,
    AUTH_CHALLENGE_MALFORMED: broken,
    AUTH_UNSUPPORTED: broken,
    AUTH_NO_ACCOUNT: broken,
    NTLM_MALFORMED: broken,
    AUTH_STATE_LOST: lost,
    // The same credential is never tried elsewhere: the directory counts across all proxies.
    AUTH_REJECTED: [
      [{ otherReading: false }, 'give-up'],
      [{ otherReading: true, replayable: true }, 'fresh-session'],
      [{ otherReading: true, replayable: false }, 'give-up'],
    ],
    AUTH_LOCKED_OUT: [[{}, 'give-up']],
    // The policy of one company is that of all its proxies.
    UPSTREAM_DENIED: [[{}, 'give-up']],
    // Refused before anything was executed.
    AUTH_OUT_OF_ORDER: [
      [{ replayable: true }, 'next-upstream'],
      [{ replayable: false }, 'give-up'],
    ],
    AUTH_UNANSWERED: [
      [{ replayable: true, idempotent: true }, 'next-upstream'],
      [{ replayable: true, idempotent: false }, 'give-up'],
      [{ replayable: false }, 'give-up'],
    ],
    QUEUE_FULL: [[{}, 'give-up']],
    NO_DESCRIPTORS: [[{}, 'give-up']],
    POOL_TIMEOUT: [[{}, 'give-up']],
    DRAINING: [[{}, 'give-up']],
    CLIENT_ABORTED: [[{}, 'give-up']],
    CLIENT_TIMEOUT: [[{}, 'give-up']],
    ROUTE_DENIED: [[{}, 'give-up']],
    BAD_REQUEST: [[{}, 'give-up']],
    CONFIG: [[{}, 'give-up']],
    BUG: [[{}, 'give-up']],
    // Answers to a client before there is an attempt: no row of the law.
    BAD_TARGET: [],
    HEADERS_TOO_LARGE: [],
    CLIENT_LIMIT: [],
    CLIENT_DENIED: [],
    CLIENT_AUTH_REQUIRED: [],
    CLIENT_AUTH_REJECTED: [],
    LOOP_DETECTED: [],
    NOT_SUPPORTED: [],
    EXPECTATION_FAILED: [],
    NO_UPSTREAM: [],
    PAC_UNAVAILABLE: [],
    PAC_SYNTAX: [],
    PAC_TIMEOUT: [],
    PAC_MEMORY: [],
  }
  for (const [code, rows] of Object.entries(law) as [ErrorCode, Row[]][]) {
    let seen = 0
    for (const [given, decision] of rows) {
      for (const attempt of attempts(given, code)) {
        t.equal(decideRetry(attempt), decision, describe(attempt))
        seen++
      }
    }
    if (rows.length > 0) t.equal(seen, 48, `the rows of ${code} are all attempts, each once`)
  }
})

t.test(
  'a session made ahead that turns out dead costs a fresh session and blames nobody',
  async t => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      for (const attempt of attempts({ reused: false }, code)) {
        const spare = { ...attempt, spare: true }
        const isDead = code === 'UPSTREAM_CLOSED' || code === 'UPSTREAM_TIMEOUT'
        const usual = decideRetry(attempt)
        const isLogonFault = code === 'AUTH_OUT_OF_ORDER' || code === 'AUTH_UNANSWERED'
        const hasFresh =
          usual === 'next-upstream' && !isLogonFault && (attempt.phase === 'request' || isDead)
        t.equal(decideRetry(spare), hasFresh ? 'fresh-session' : usual, describe(spare))
        const evidence = isDead ? 'none' : evidenceAgainstUpstream(attempt)
        t.equal(evidenceAgainstUpstream(spare), evidence, describe(spare))
      }
    }
  },
)

t.test('what counts against an upstream', async t => {
  type Row = [given: Partial<FailedAttempt>, evidence: Evidence]
  const own: Partial<FailedAttempt> = { phase: 'handshake', ownRequest: true }
  const passed: Partial<FailedAttempt> = { phase: 'handshake', ownRequest: false }
  const inRequest: Row[] = [[{ phase: 'request' }, 'none']]
  const answersBadly: Row[] = [
    [{ phase: 'dial' }, 'proof'],
    [own, 'proof'],
    // A leg of the handshake that an upstream passed on, to a target that it wants no logon for.
    [passed, 'doubt'],
    ...inRequest,
  ]
  const logsOnBadly: Row[] = [
    [{ phase: 'dial' }, 'proof'],
    [{ phase: 'handshake' }, 'proof'],
    ...inRequest,
  ]
  const table: Partial<Record<ErrorCode, Row[]>> = {
    DIAL_REFUSED: answersBadly,
    DIAL_TIMEOUT: answersBadly,
    DIAL_UNREACHABLE: answersBadly,
    DIAL_DNS: answersBadly,
    UPSTREAM_PROTOCOL: [
      ...answersBadly.slice(0, -1),
      [{ phase: 'request', reused: true }, 'none'],
      [{ phase: 'request', reused: false }, 'doubt'],
    ],
    UPSTREAM_HEADER_LIMIT: answersBadly,
    UPSTREAM_TIMEOUT: answersBadly,
    NTLM_MALFORMED: answersBadly,
    UPSTREAM_CLOSED: [
      [{ phase: 'dial' }, 'proof'],
      [{ phase: 'handshake' }, 'repeat'],
      [{ phase: 'request', reused: true }, 'none'],
      [{ phase: 'request', reused: false, heard: true }, 'none'],
      [{ phase: 'request', reused: false, heard: false }, 'doubt'],
    ],
    AUTH_NOT_OFFERED: logsOnBadly,
    AUTH_CHALLENGE_MALFORMED: logsOnBadly,
    AUTH_UNSUPPORTED: logsOnBadly,
    AUTH_UNANSWERED: logsOnBadly,
    AUTH_OUT_OF_ORDER: [[{}, 'proof']],
  }
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    const rows: Row[] = table[code] ?? [[{}, 'none']]
    // One assertion a code: there are thousands of attempts.
    const wrong = everySaying(code).filter(attempt => {
      const fits = rows.filter(([given]) => isDeepStrictEqual(attempt, { ...attempt, ...given }))
      const secondHand = evidenceAgainstUpstream({ ...attempt, secondHand: true })
      const evidence = evidenceAgainstUpstream(attempt)
      return fits.length !== 1 || evidence !== fits[0]?.[1] || secondHand !== 'none'
    })
    t.same(wrong.map(describe), [], code)
  }
})

function everySaying(code: ErrorCode): FailedAttempt[] {
  return attempts({}, code).flatMap(attempt =>
    FLAGS.flatMap(ownRequest => FLAGS.map(heard => ({ ...attempt, ownRequest, heard }))),
  )
}
