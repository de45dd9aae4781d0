import { trimOws } from './grammar.ts'
import { getAllHeaders, type RawHeaders } from './headers.ts'

/**
 * Appends this proxy to the Via list (RFC 9110 section 7.6.3).
 * @param receivedVersion HTTP version of the received message, for instance `1.1`
 * @param pseudonym a token that stands for this proxy
 */
export function appendVia(headers: string[], receivedVersion: string, pseudonym: string): void {
  headers.push('Via', `${receivedVersion} ${pseudonym}`)
}

/** Whether a proxy of this pseudonym has already forwarded the message, which is then in a loop. Comments are ignored. */
export function viaNames(headers: RawHeaders, pseudonym: string): boolean {
  const wanted = pseudonym.toLowerCase()
  return getAllHeaders(headers, 'via').some(value => {
    const lower = value.toLowerCase()
    return lower.includes(wanted) && receivers(lower).includes(wanted)
  })
}

/** The received-by of each element: `[ protocol-name "/" ] protocol-version RWS received-by [ RWS comment ]`. */
function receivers(value: string): (string | undefined)[] {
  return withoutComments(value)
    .split(',')
    .map(element => trimOws(element).split(/[ \t]+/)[1])
}

/** Comments nest and may hold commas and quoted pairs (RFC 9110 section 5.6.5). */
function withoutComments(value: string): string {
  let result = ''
  let depth = 0
  for (const [piece] of value.matchAll(/[()]|\\[^]|[^()\\]+|\\/g)) {
    if (piece === '(') depth += 1
    else if (piece === ')') depth = Math.max(0, depth - 1)
    else if (depth === 0) result += piece
  }
  return result
}
