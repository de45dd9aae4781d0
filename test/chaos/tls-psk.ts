/** Known to both sides, so that no certificate has to be made. */
export const SHARED_KEY = Buffer.from('30f1c0de7e57c4a05deadbeef00dcafe', 'hex')

/** TLS by a shared key; node offers it up to TLS 1.2. */
export const TLS_OPTIONS = { ciphers: 'PSK-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' } as const
