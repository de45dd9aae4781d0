import type { RequestRecord } from '../core/index.ts'
import { plain } from './plain.ts'

/** One request as it stands in the log; times in milliseconds, whole numbers, absent when the phase did not happen. */
export interface AccessFields {
  readonly id: string
  readonly client: string
  readonly method: string
  readonly target: string
  readonly route: string
  readonly upstream?: string
  readonly status: number
  readonly in: number
  readonly out: number
  readonly tDial: number
  readonly tAuth: number
  readonly tResponse?: number
  readonly tTotal: number
  readonly tries: number
  readonly term: string
  readonly error?: string
  readonly detail?: string
}

export function accessFields(record: RequestRecord): AccessFields {
  const { upstream, responseMs, error, detail } = record
  return {
    id: record.id,
    client: record.client,
    method: record.method,
    target: record.target,
    route: record.route,
    ...(upstream === undefined ? {} : { upstream }),
    status: record.status,
    in: record.bytesIn,
    out: record.bytesOut,
    tDial: Math.round(record.connectMs),
    tAuth: Math.round(record.authMs),
    ...(responseMs === undefined ? {} : { tResponse: Math.round(responseMs) }),
    tTotal: Math.round(record.totalMs),
    tries: record.attempts,
    term: record.termination,
    ...(error === undefined ? {} : { error }),
    ...(detail === undefined ? {} : { detail }),
  }
}

/**
 * The same for a person:
 * `172.17.0.2:51234 CONNECT example.com:443 via 10.0.0.41:8080 200 in=517 out=4096 34ms --`,
 * followed by the error code and what happened if there was an error.
 */
export function accessText(fields: AccessFields): string {
  const way = fields.route === 'upstream' ? `via ${plain(fields.upstream ?? '-')}` : fields.route
  const words = [
    plain(fields.client),
    plain(fields.method),
    plain(fields.target),
    way,
    `${fields.status}`,
    `in=${fields.in}`,
    `out=${fields.out}`,
    `${fields.tTotal}ms`,
    fields.term,
  ]
  if (fields.tries > 1) words.push(`tries=${fields.tries}`)
  if (fields.error !== undefined) words.push(fields.error)
  if (fields.detail !== undefined) words.push(plain(fields.detail))
  return words.join(' ')
}
