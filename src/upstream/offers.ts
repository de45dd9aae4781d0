import { getAllHeaders, parseChallenges, type ResponseHead } from '../http1/index.ts'
import { type LogonFramework, type Scheme, SCHEMES } from './challenger.ts'

export interface Offer {
  readonly scheme: Scheme
  /** The challenge in base64; undefined when the scheme is only named. */
  readonly token: string | undefined
}

/** What a 407 or 401 offers of the schemes known here, however many lines and lists it takes (RFC 9110 section 11.7.1). */
export function readOffers(head: ResponseHead, { challengeField }: LogonFramework): Offer[] {
  const challenges = parseChallenges(getAllHeaders(head.headers, challengeField))
  return SCHEMES.flatMap(scheme =>
    challenges
      .filter(challenge => challenge.schemeLower === scheme.toLowerCase())
      .map(challenge => ({ scheme, token: challenge.token68 })),
  )
}

/** The names of all schemes offered, for a message. */
export function namesOffered(head: ResponseHead, { challengeField }: LogonFramework): string {
  const names = parseChallenges(getAllHeaders(head.headers, challengeField)).map(
    challenge => challenge.scheme,
  )
  return names.length === 0 ? 'no scheme at all' : [...new Set(names)].join(', ')
}
