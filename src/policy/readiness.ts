/**
 * A spare is a session preconnected to an upstream before a request needs it: `dialled`, only connected; `authenticated`, logged on with a
 * request that the upstream answers by itself; `challenged`, with the NEGOTIATE sent, so that the AUTHENTICATE rides on the request.
 */
export type SpareGrade = 'dialled' | 'authenticated' | 'challenged'

export interface ReadinessOptions {
  /** The highest grade to prepare, in the order above. */
  readonly upTo: 'off' | SpareGrade
  /** Maximum number of spares. */
  readonly max: number
}

/** Learned capabilities of an upstream. */
export interface UpstreamWays {
  readonly demand: 'unknown' | 'always' | 'sometimes'
  /** A connection stays usable after a logon check, and then takes a CONNECT without another logon. */
  readonly servesChecked: boolean
  /** Identified by its 407 responses; undefined until it sent one. */
  readonly product: 'squid' | 'other' | undefined
  /** It answers a NEGOTIATE with a challenge and keeps the connection. */
  readonly challenges: boolean
}

export interface ReadinessFacts {
  /** Tunnels likely to be opened in one burst. */
  readonly burst: number
  /** Milliseconds since the last tunnel. */
  readonly quietMs: number
  /** The upstream is not marked down. */
  readonly isAvailable: boolean
  /** The password was accepted recently and is not in doubt. */
  readonly isProven: boolean
  readonly ways: UpstreamWays
}

export interface Readiness {
  readonly grade: SpareGrade
  readonly count: number
  /** A spare is closed if no request takes it within this time. */
  readonly maxAgeMs: number
}

const NONE: Readiness = { grade: 'dialled', count: 0, maxAgeMs: 0 }

/** Servers close connections without a request after ten seconds (HAProxy's advice) to minutes (Squid). */
const DIALLED_MS = 8_000
/** Below the two minutes after which Squid closes an idle client connection. */
const AUTHENTICATED_MS = 100_000
/** An upstream may hold resources between challenge and answer, so these are few and short-lived. */
const CHALLENGED_MS = 10_000
const MAX_CHALLENGED = 4

/** How many spares of which grade to keep for an upstream. */
export function decideReadiness({ upTo, max }: ReadinessOptions, facts: ReadinessFacts): Readiness {
  const { burst, quietMs, isAvailable, isProven, ways } = facts
  if (upTo === 'off' || !isAvailable || !isProven || ways.demand === 'unknown') return NONE
  const count = Math.min(burst, max)
  const dialled: Readiness = { grade: 'dialled', count, maxAgeMs: DIALLED_MS }
  // A connection that needs no logon cannot be prepared further.
  if (ways.demand === 'sometimes' || upTo === 'dialled') return dialled
  if (ways.servesChecked) return { grade: 'authenticated', count, maxAgeMs: AUTHENTICATED_MS }
  // Squid reserves one of its few helper processes between challenge and answer: other logons would wait for it.
  const mayPark = upTo === 'challenged' && ways.product === 'other' && ways.challenges
  if (!mayPark || quietMs >= CHALLENGED_MS) return dialled
  return { grade: 'challenged', count: Math.min(count, MAX_CHALLENGED), maxAgeMs: CHALLENGED_MS }
}
