import { createHash, createHmac } from 'node:crypto'

import { ProxyError } from '../core/index.ts'

/** OpenSSL in FIPS mode refuses MD5, and there is no NTLM without it. */
function orFipsError<T>(compute: () => T): T {
  try {
    return compute()
  } catch (cause) {
    const detail = 'NTLM needs MD5, which this Node refuses: start it without FIPS mode'
    throw new ProxyError('CONFIG', { detail, cause })
  }
}

export function md5(...parts: readonly Uint8Array[]): Buffer {
  return orFipsError(() => {
    const hash = createHash('md5')
    for (const part of parts) hash.update(part)
    return hash.digest()
  })
}

/** HMAC-MD5 (RFC 2104) over the concatenation of `parts`. */
export function hmacMd5(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  return orFipsError(() => {
    const hmac = createHmac('md5', key)
    for (const part of parts) hmac.update(part)
    return hmac.digest()
  })
}
