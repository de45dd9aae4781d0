import type { HostPort } from '../core/index.ts'
import type { NoProxyRule } from './no-proxy.ts'
import { type PacAnswer, type PacCandidate, parsePacAnswer } from './pac-answer.ts'

export type Route =
  | { readonly kind: 'direct'; readonly rule: string }
  | { readonly kind: 'upstreams'; readonly rule: string }
  /** What a Pac script named, to be tried in this order. */
  | {
      readonly kind: 'candidates'
      readonly rule: string
      readonly candidates: readonly PacCandidate[]
    }

/** Where a target is reached: NoProxy decides first, everything else goes to the upstream proxies. */
export function chooseRoute(noProxy: readonly NoProxyRule[], target: HostPort): Route {
  const found = noProxy.find(rule => rule.matches(target))
  if (found !== undefined) return { kind: 'direct', rule: `NoProxy ${found.text}` }
  return { kind: 'upstreams', rule: 'default' }
}

export interface PacRoute {
  readonly route: Route
  /** Words of the answer that were not understood. */
  readonly ignored: PacAnswer['ignored']
}

/**
 * Where a target that NoProxy leaves to the Pac script is reached. A script that cannot be asked, or whose answer has nothing
 * usable in it, leaves the matter to the Proxy lines; where there are none the target is reached directly.
 */
export function routeByPac(answer: string | undefined, hasUpstreams: boolean): PacRoute {
  const { candidates, ignored } = parsePacAnswer(answer ?? '')
  if (candidates.length > 0)
    return { route: { kind: 'candidates', rule: 'Pac', candidates }, ignored }
  const rule = 'Pac gives nothing usable'
  return { route: { kind: hasUpstreams ? 'upstreams' : 'direct', rule }, ignored }
}
