import { ProxyError } from '../core/index.ts'

/**
 * The error of every message that breaks MS-NLMP. The detail begins with a stable reason code;
 * `offset` counts from the start of the message.
 */
export function malformed(reason: string, offset: number): ProxyError {
  return new ProxyError('NTLM_MALFORMED', { detail: `${reason} at offset ${offset}` })
}
