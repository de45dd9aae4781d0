/**
 * A spare is a connection to an upstream that is made before a request wants it: `dialled`, connected alone; `authenticated`,
 * logged on with a request that the upstream answers itself; `challenged`, with the NEGOTIATE sent, so that the AUTHENTICATE
 * rides on the request.
 */
export type SpareGrade = 'dialled' | 'authenticated' | 'challenged'

export interface ReadinessOptions {
  /** The last grade that may be made, in the order above. */
  readonly upTo: 'off' | SpareGrade
  /** Spares at a time. */
  readonly max: number
}

/** What was learned of an upstream. */
export interface UpstreamWays {
  readonly demand: 'unknown' | 'always' | 'sometimes'
  /** A connection can go on after a logon check, and takes a CONNECT without another logon then. */
  readonly servesChecked: boolean
  /** Who it is by its demands for a logon; undefined until it told. */
  readonly product: 'squid' | 'other' | undefined
  /** It answers a NEGOTIATE with a challenge and keeps the connection. */
  readonly challenges: boolean
}

export interface ReadinessFacts {
  /** Tunnels that are likely to be wanted at a time. */
  readonly burst: number
  /** Milliseconds since the last tunnel. */
  readonly quietMs: number
  /** The upstream is not marked down. */
  readonly isAvailable: boolean
  /** The password was accepted lately and is not in doubt. */
  readonly isProven: boolean
  readonly ways: UpstreamWays
}

export interface Readiness {
  readonly grade: SpareGrade
  readonly count: number
  /** A spare that was not wanted for so long is closed. */
  readonly maxAgeMs: number
}

const NONE: Readiness = { grade: 'dialled', count: 0, maxAgeMs: 0 }

/** Servers close connections on which no request comes after ten seconds (HAProxy's advice) to minutes (Squid). */
const DIALLED_MS = 8_000
/** Below the two minutes after which Squid closes an idle client connection. */
const AUTHENTICATED_MS = 100_000
/** Whoever gave a challenge may hold something back for its answer, so these are few and young. */
const CHALLENGED_MS = 10_000
const MAX_CHALLENGED = 4

/** How many spares of which grade an upstream should have. */
export function decideReadiness({ upTo, max }: ReadinessOptions, facts: ReadinessFacts): Readiness {
  const { burst, quietMs, isAvailable, isProven, ways } = facts
  if (upTo === 'off' || !isAvailable || !isProven || ways.demand === 'unknown') return NONE
  const count = Math.min(burst, max)
  const dialled: Readiness = { grade: 'dialled', count, maxAgeMs: DIALLED_MS }
  // A connection that wants no logon has nothing to be made ready for.
  if (ways.demand === 'sometimes' || upTo === 'dialled') return dialled
  if (ways.servesChecked) return { grade: 'authenticated', count, maxAgeMs: AUTHENTICATED_MS }
  // Squid reserves one of its few helper processes between challenge and answer: others would wait for it.
  const mayPark = upTo === 'challenged' && ways.product === 'other' && ways.challenges
  if (!mayPark || quietMs >= CHALLENGED_MS) return dialled
  return { grade: 'challenged', count: Math.min(count, MAX_CHALLENGED), maxAgeMs: CHALLENGED_MS }
}
