import { trimOws } from './grammar.ts'

/** One challenge of Proxy-Authenticate or WWW-Authenticate (RFC 9110 section 11.6.1). */
export interface Challenge {
  /** The scheme as written. */
  readonly scheme: string
  readonly schemeLower: string
  /** What follows the scheme when it is not a parameter. Not validated here: its consumer knows the alphabet of the token. */
  readonly token68?: string
  /** Parameters by lower-case name, unquoted; the first of equal names counts. */
  readonly params: ReadonlyMap<string, string>
}

/** A challenge whose parameters are still being read. */
type Start = Challenge & { readonly params: Map<string, string> }

const MAX_ELEMENTS = 256

/**
 * Everything up to a comma outside quotes. An unterminated quote takes the rest. No two alternatives start alike and
 * nothing follows the group, so there is no backtracking.
 */
const ELEMENT = /(?:[^",]+|"(?:[^"\\]|\\[^])*"?)+/g

/** token BWS "=" BWS ( token / quoted-string ). An "=" followed by nothing or another "=" is the padding of a token68. */
const PARAM = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\[^])*)|([^\s"=][^\s]*))/
const SCHEME = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:[ \t]+|$)/

/**
 * Parses the values of all fields of one name as one list: several challenges per field, quoted commas, stray commas.
 * Skips what it cannot parse; never throws.
 */
export function parseChallenges(values: readonly string[]): Challenge[] {
  const challenges: Challenge[] = []
  let params = new Map<string, string>()
  let count = 0
  for (const value of values) {
    for (const [piece] of value.matchAll(ELEMENT)) {
      const element = trimOws(piece)
      if (element === '') continue
      count += 1
      if (count > MAX_ELEMENTS) return challenges
      if (addParam(params, element)) continue
      const challenge = parseStart(element)
      if (challenge === undefined) continue
      challenges.push(challenge)
      params = challenge.params
    }
  }
  return challenges
}

/** Parses `name=value` into `params`; false when the element is not a parameter. */
function addParam(params: Map<string, string>, element: string): boolean {
  const match = PARAM.exec(element)
  if (match === null) return false
  const [, name = '', quoted, token = ''] = match
  const lower = name.toLowerCase()
  if (!params.has(lower)) params.set(lower, quoted?.replace(/\\([^])/g, '$1') ?? token)
  return true
}

function parseStart(element: string): Start | undefined {
  const match = SCHEME.exec(element)
  const scheme = match?.[1]
  if (match === null || scheme === undefined) return undefined
  const start = { scheme, schemeLower: scheme.toLowerCase(), params: new Map<string, string>() }
  const rest = element.slice(match[0].length)
  return rest === '' || addParam(start.params, rest) ? start : { ...start, token68: rest }
}
