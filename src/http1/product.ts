import type { ResponseHead } from './head.ts'
import { getAllHeaders, hasHeader } from './headers.ts'

/** Fields that Squid alone writes; each of the others can be switched off or renamed in its configuration. */
const SQUIDS_OWN = ['X-Squid-Error', 'X-Cache-Lookup']

/** Whether an answer of a proxy's own shows that it is a Squid, or that there is one on the way to it. */
export function isSquids({ headers }: ResponseHead): boolean {
  const names = [...getAllHeaders(headers, 'Server'), ...getAllHeaders(headers, 'Via')]
  return (
    names.some(value => /squid/i.test(value)) || SQUIDS_OWN.some(name => hasHeader(headers, name))
  )
}
