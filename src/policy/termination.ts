import { ERRORS, type ErrorCode, type Termination } from '../core/index.ts'

/** Where a request was when it ended. */
export type Stage = 'request' | 'upstream' | 'data'

const PHASES: Partial<Record<ErrorCode, string>> = {
  BAD_REQUEST: 'R',
  BAD_TARGET: 'R',
  HEADERS_TOO_LARGE: 'R',
  CLIENT_AUTH_REQUIRED: 'R',
  LOOP_DETECTED: 'R',
  NOT_SUPPORTED: 'R',
  EXPECTATION_FAILED: 'R',
  ROUTE_DENIED: 'R',
  CLIENT_LIMIT: 'R',
  POOL_TIMEOUT: 'Q',
  QUEUE_FULL: 'Q',
  DRAINING: 'Q',
  DIAL_REFUSED: 'C',
  DIAL_TIMEOUT: 'C',
  DIAL_UNREACHABLE: 'C',
  DIAL_DNS: 'C',
  NO_DESCRIPTORS: 'C',
  NO_UPSTREAM: 'C',
  AUTH_NOT_OFFERED: 'A',
  AUTH_CHALLENGE_MALFORMED: 'A',
  AUTH_STATE_LOST: 'A',
  AUTH_UNSUPPORTED: 'A',
  AUTH_NO_ACCOUNT: 'A',
  AUTH_REJECTED: 'A',
  AUTH_LOCKED_OUT: 'A',
  AUTH_UNANSWERED: 'A',
  AUTH_OUT_OF_ORDER: 'A',
  UPSTREAM_DENIED: 'A',
  CLIENT_AUTH_REJECTED: 'A',
}

const STAGE_PHASES: Record<Stage, string> = { request: 'R', upstream: 'H', data: 'D' }

/** The two letters in the access log: who ended the request, and in which phase. */
export function terminationOf(code: ErrorCode | undefined, stage: Stage): Termination {
  if (code === undefined) return '--'
  const phase = stage === 'data' ? 'D' : (PHASES[code] ?? STAGE_PHASES[stage])
  return `${culprit(code)}${phase}`
}

const SHORTAGES: ReadonlySet<ErrorCode> = new Set([
  'CLIENT_LIMIT',
  'POOL_TIMEOUT',
  'QUEUE_FULL',
  'NO_DESCRIPTORS',
])

const TIMEOUTS: ReadonlySet<ErrorCode> = new Set([
  'UPSTREAM_TIMEOUT',
  'UPSTREAM_SILENT',
  'DIAL_TIMEOUT',
  'AUTH_UNANSWERED',
])

function culprit(code: ErrorCode): string {
  if (code === 'BUG') return 'I'
  if (code === 'DRAINING') return 'K'
  if (SHORTAGES.has(code)) return 'R'
  if (code === 'CLIENT_TIMEOUT') return 'c'
  if (TIMEOUTS.has(code)) return 's'
  const { blame } = ERRORS[code]
  if (blame === 'client') return 'C'
  return blame === 'upstream' ? 'S' : 'P'
}
