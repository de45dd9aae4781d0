import { generateKeyPair } from 'node:crypto'
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import type { Clock, Entropy } from '../core/index.ts'

export interface Certificate {
  readonly keyPem: string
  readonly certPem: string
}

const DAY_MS = 24 * 60 * 60 * 1000

/**
 * A self-signed server certificate for the given names and addresses, valid from yesterday for a month.
 * The key pair is node's; node-forge, which only builds the certificate, is loaded when this is called.
 */
export async function makeCertificate(
  names: readonly string[],
  clock: Clock,
  entropy: Entropy,
): Promise<Certificate> {
  const { default: forge } = await import('node-forge')
  const keys = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.publicKeyFromPem(keys.publicKey)
  // A serial number is a positive DER integer: the leading 01 keeps the sign bit clear.
  certificate.serialNumber = `01${entropy.bytes(8).toString('hex')}`
  certificate.validity.notBefore = new Date(clock.wallMs() - DAY_MS)
  certificate.validity.notAfter = new Date(clock.wallMs() + 30 * DAY_MS)
  const subject = [{ name: 'commonName', value: names[0] ?? 'localhost' }]
  certificate.setSubject(subject)
  certificate.setIssuer(subject)
  certificate.setExtensions([
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, keyCertSign: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames: names.map(alternativeName) },
    { name: 'subjectKeyIdentifier' },
  ])
  certificate.sign(forge.pki.privateKeyFromPem(keys.privateKey), forge.md.sha256.create())
  return { keyPem: keys.privateKey, certPem: forge.pki.certificateToPem(certificate) }
}

/** GeneralName (RFC 5280 section 4.2.1.6): 7 is iPAddress, 2 is dNSName. */
function alternativeName(name: string): object {
  return isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name }
}
