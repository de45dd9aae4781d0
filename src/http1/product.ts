import type { ResponseHead } from './head.ts'
import { getAllHeaders, hasHeader } from './headers.ts'

/** Fields that only Squid writes; each of the others can be switched off or renamed in its configuration. */
const SQUIDS_OWN = ['X-Squid-Error', 'X-Cache-Lookup']

/** Whether a proxy's own response shows that the proxy is a Squid, or that there is a Squid on the way to it. */
export function isSquids({ headers }: ResponseHead): boolean {
  const names = [...getAllHeaders(headers, 'Server'), ...getAllHeaders(headers, 'Via')]
  return (
    names.some(value => /squid/i.test(value)) || SQUIDS_OWN.some(name => hasHeader(headers, name))
  )
}
