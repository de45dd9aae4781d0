import { isStreamKind, type Attempt, type Plan, type Seen } from './plan.ts'

export type Verdict =
  /** Everything arrived, or everything that the origin sent before it ended of its own accord. */
  | { readonly kind: 'complete' }
  /** The client broke it off. */
  | { readonly kind: 'left' }
  /** The client was told. */
  | { readonly kind: 'failed'; readonly why: string }
  /** What must never be. */
  | { readonly kind: 'violation'; readonly what: string }

/** Each transfer ends complete and equal, or visibly failed. */
export function judge(plan: Plan, seen: Seen, attempts: readonly Attempt[]): Verdict {
  const what =
    judgeDownload(plan, seen, attempts) ??
    attempts.map(attempt => judgeUpload(plan, seen, attempt)).find(found => found !== undefined) ??
    judgeRepetition(plan, attempts)
  if (what !== undefined) return { kind: 'violation', what }
  if (seen.left) return { kind: 'left' }
  return seen.failure === undefined ? { kind: 'complete' } : { kind: 'failed', why: seen.failure }
}

function judgeDownload(plan: Plan, seen: Seen, attempts: readonly Attempt[]): string | undefined {
  if (seen.answerOf !== undefined && seen.answerOf !== plan.id)
    return `the answer belongs to transfer ${seen.answerOf}`
  if (!seen.isEqual) return 'other bytes came than were sent'
  if (!seen.isWhole || seen.received === plan.download) return undefined
  // Without a length the end of the connection is the end of the content, and an early one cannot be told.
  const hasLength = plan.kind === 'plain-length' || plan.kind === 'plain-chunked'
  const isAsSent = attempts.some(({ ended, sent }) => ended === 'fin' && sent === seen.received)
  if (!hasLength && isAsSent) return undefined
  const resets = attempts.some(({ ended }) => ended === 'reset') ? ', and the origin reset it' : ''
  return `${seen.received} of ${plan.download} bytes were told as complete${resets}`
}

function judgeUpload(plan: Plan, seen: Seen, attempt: Attempt): string | undefined {
  if (!attempt.uploadIsEqual) return 'other bytes reached the origin than were sent'
  const isShort = attempt.uploaded < plan.upload
  if (attempt.uploadIsWhole && isShort)
    return `${attempt.uploaded} of ${plan.upload} bytes reached the origin as a whole body`
  const hasReset = seen.left && plan.fault === 'client-resets-mid-upload'
  if (hasReset && isStreamKind(plan.kind) && plan.kind !== 'tls' && attempt.clientEnding === 'fin')
    return "the client's reset reached the origin as an end"
  return undefined
}

/** RFC 9110 section 9.2.2: a POST that may have been executed is not sent again by a proxy. */
function judgeRepetition({ method, kind }: Plan, attempts: readonly Attempt[]): string | undefined {
  if (method !== 'POST' || isStreamKind(kind)) return undefined
  const executed = attempts.filter(({ uploadIsWhole }) => uploadIsWhole).length
  return executed > 1 ? `a POST was executed ${executed} times` : undefined
}
