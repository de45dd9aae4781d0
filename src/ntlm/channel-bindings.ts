import { createHash } from 'node:crypto'

import { ByteWriter, ProxyError } from '../core/index.ts'
import { md5 } from './md5.ts'

/** RSASSA-PSS: the hash is in the parameters (RFC 4055 3.1). */
const RSASSA_PSS = '2a864886f70d01010a'

/**
 * DER bytes of the object identifiers of signature algorithms (RFC 3279, 4055, 5758) and of the
 * hashes that RSASSA-PSS names. RFC 5929 4.1 replaces MD5 and SHA-1 by SHA-256.
 */
const HASHES = new Map([
  ['2a864886f70d010104', 'sha256'], // md5WithRSAEncryption
  ['2a864886f70d010105', 'sha256'], // sha1WithRSAEncryption
  ['2a864886f70d01010e', 'sha224'],
  ['2a864886f70d01010b', 'sha256'],
  ['2a864886f70d01010c', 'sha384'],
  ['2a864886f70d01010d', 'sha512'],
  ['2a8648ce380403', 'sha256'], // dsa-with-sha1
  ['608648016503040301', 'sha224'], // dsa-with-sha224
  ['608648016503040302', 'sha256'],
  ['2a8648ce3d0401', 'sha256'], // ecdsa-with-SHA1
  ['2a8648ce3d040301', 'sha224'],
  ['2a8648ce3d040302', 'sha256'],
  ['2a8648ce3d040303', 'sha384'],
  ['2a8648ce3d040304', 'sha512'],
  ['2b0e03021a', 'sha256'], // id-sha1
  ['608648016503040204', 'sha224'], // id-sha224
  ['608648016503040201', 'sha256'],
  ['608648016503040202', 'sha384'],
  ['608648016503040203', 'sha512'],
])

const SEQUENCE = 0x30
const OBJECT_IDENTIFIER = 0x06
const CONTEXT_0 = 0xa0

interface DerElement {
  readonly tag: number
  readonly content: Buffer
  /** What follows the element. */
  readonly rest: Buffer
}

function notACertificate(): ProxyError {
  return new ProxyError('BUG', {
    detail: 'Channel bindings were asked for of something that is no certificate',
  })
}

/**
 * Splits one DER element off, or undefined at the end. Lengths of more than 4 bytes do not occur
 * here.
 */
function readDer(bytes: Buffer): DerElement | undefined {
  if (bytes.length === 0) return undefined
  if (bytes.length < 2) throw notACertificate()
  const first = bytes.readUInt8(1)
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f
  const start = 2 + lengthBytes
  if (lengthBytes > 4 || bytes.length < start) throw notACertificate()
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(2, lengthBytes)
  if (length > bytes.length - start) throw notACertificate()
  return {
    tag: bytes.readUInt8(0),
    content: bytes.subarray(start, start + length),
    rest: bytes.subarray(start + length),
  }
}

function expectDer(bytes: Buffer, tag: number): DerElement {
  const element = readDer(bytes)
  if (element?.tag !== tag) throw notACertificate()
  return element
}

/**
 * The hash of an AlgorithmIdentifier, or undefined where RFC 5929 defines none (EdDSA, or unknown
 * to us).
 */
function findHash(algorithmIdentifier: Buffer): string | undefined {
  const identifier = expectDer(algorithmIdentifier, OBJECT_IDENTIFIER)
  const oid = identifier.content.toString('hex')
  if (oid !== RSASSA_PSS) return HASHES.get(oid)
  const parameters = readDer(identifier.rest)
  const hash = parameters === undefined ? undefined : readDer(parameters.content)
  // The default is SHA-1, which becomes SHA-256.
  if (hash?.tag !== CONTEXT_0) return 'sha256'
  return findHash(expectDer(hash.content, SEQUENCE).content)
}

/**
 * The application data of the binding `tls-server-end-point` (RFC 5929 4.1) for a certificate in
 * DER: the name and the hash of the certificate. Undefined when the signature algorithm defines no
 * hash: no binding is sent then. The certificate must have been verified, or the binding proves
 * nothing.
 *
 * @throws ProxyError BUG when the bytes are no certificate
 */
export function tlsServerEndPoint(certificate: Buffer): Buffer | undefined {
  const { content } = expectDer(certificate, SEQUENCE)
  const { rest } = expectDer(content, SEQUENCE)
  const hash = findHash(expectDer(rest, SEQUENCE).content)
  if (hash === undefined) return undefined
  const digest = createHash(hash).update(certificate).digest()
  return Buffer.concat([Buffer.from('tls-server-end-point:', 'latin1'), digest])
}

/**
 * The value of MsvAvChannelBindings: MD5 of a gss_channel_bindings_struct (RFC 2744 3.11) without
 * addresses, or 16 zero bytes when there is nothing to bind to.
 */
export function channelBindingsHash(applicationData: Buffer | undefined): Buffer {
  if (applicationData === undefined) return Buffer.alloc(16)
  const struct = new ByteWriter().u32(0).u32(0).u32(0).u32(0).u32(applicationData.length)
  return md5(struct.raw(applicationData).finish())
}
