import type { HostPort } from '../core/index.ts'
import type { NoProxyRule } from './no-proxy.ts'

export type Route =
  | { readonly kind: 'direct'; readonly rule: string }
  | { readonly kind: 'upstreams'; readonly rule: string }

/** Where a target is reached: NoProxy decides first, everything else goes to the upstream proxies. */
export function chooseRoute(noProxy: readonly NoProxyRule[], target: HostPort): Route {
  const found = noProxy.find(rule => rule.matches(target))
  if (found !== undefined) return { kind: 'direct', rule: `NoProxy ${found.text}` }
  return { kind: 'upstreams', rule: 'default' }
}
