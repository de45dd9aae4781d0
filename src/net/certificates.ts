import type { Duplex } from 'node:stream'
import { connect, type DetailedPeerCertificate } from 'node:tls'
import { type Clock, ProxyError } from '../core/index.ts'

/** What the certificate chain of a TLS server says. */
export interface Certificates {
  /** undefined when the certificate is valid for the host and its issuer is known to node; otherwise OpenSSL's code. */
  readonly fault: string | undefined
  /** The issuer of the server's certificate. */
  readonly issuer: string
  /** The issuer at the top of the chain that the server sent. */
  readonly top: string
}

/**
 * Performs a TLS handshake without verification, to find the issuer one would have to trust. Takes over the stream and
 * closes it.
 * @throws ProxyError UPSTREAM_PROTOCOL when there is no TLS, UPSTREAM_TIMEOUT.
 */
export async function readCertificates(
  stream: Duplex,
  host: string,
  clock: Clock,
  timeoutMs: number,
): Promise<Certificates> {
  const isName = !/^[0-9.]+$|:/.test(host)
  const socket = connect({
    socket: stream,
    host,
    rejectUnauthorized: false,
    ...(isName ? { servername: host } : {}),
  })
  const giveUp = (): void =>
    void socket.destroy(
      new ProxyError('UPSTREAM_TIMEOUT', { detail: `no TLS within ${timeoutMs} ms` }),
    )
  const timer = clock.setTimer(timeoutMs, giveUp)
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve).once('error', reject)
      socket.once('close', () => reject(new Error('the connection was closed in the handshake')))
    })
    const leaf = socket.getPeerCertificate(true)
    const fault: unknown = socket.authorizationError
    return {
      fault: socket.authorized ? undefined : faultCode(fault),
      issuer: nameOf(leaf.issuer),
      top: nameOf(topOf(leaf).issuer),
    }
  } catch (cause) {
    if (cause instanceof ProxyError) throw cause
    const detail = cause instanceof Error ? cause.message : String(cause)
    throw new ProxyError('UPSTREAM_PROTOCOL', { detail, cause })
  } finally {
    timer.cancel()
    socket.on('error', () => undefined)
    socket.destroy()
    stream.destroy()
  }
}

/** Typed as Error, but node sets a string. */
function faultCode(fault: unknown): string {
  if (typeof fault === 'string') return fault
  return fault instanceof Error && 'code' in fault ? String(fault.code) : String(fault)
}

/** A self-signed certificate names itself as its issuer. */
function topOf(leaf: DetailedPeerCertificate): DetailedPeerCertificate {
  let top = leaf
  for (let depth = 0; depth < 10; depth++) {
    const next = top.issuerCertificate as DetailedPeerCertificate | undefined
    if (next === undefined || next === top) break
    top = next
  }
  return top
}

function nameOf(name: DetailedPeerCertificate['issuer'] | undefined): string {
  const [common, organization] = [name?.CN, name?.O].map(part => String(part ?? ''))
  if (common === '' || organization === '' || common === organization)
    return common || organization || 'nobody'
  return `${common} (${organization})`
}
