import { ByteWriter } from '../core/index.ts'
import { malformed } from './malformed.ts'

const SIGNATURE = Buffer.from('NTLMSSP\0', 'latin1')

export type MessageType = 1 | 2 | 3

/** A larger message does not fit any token that proxies forward. */
export const MAX_MESSAGE_LENGTH = 0xffff

/** Starts a message: the 8-byte signature and the u32 MessageType. */
export function beginMessage(type: MessageType): ByteWriter {
  return new ByteWriter().raw(SIGNATURE).u32(type)
}

/**
 * Checks size, signature with its terminating zero, and all four bytes of MessageType.
 *
 * @throws ProxyError NTLM_MALFORMED
 */
export function assertMessage(message: Buffer, type: MessageType, minLength: number): void {
  if (message.length < minLength) throw malformed('too-short', message.length)
  if (message.length > MAX_MESSAGE_LENGTH) throw malformed('too-long', MAX_MESSAGE_LENGTH)
  if (!message.subarray(0, SIGNATURE.length).equals(SIGNATURE)) throw malformed('bad-signature', 0)
  if (message.readUInt32LE(8) !== type) throw malformed('bad-type', 8)
}

/** A name as encoded in a message: UTF-16LE, or single bytes of an unspecified code page. */
export function decodeName(bytes: Buffer, unicode: boolean): string {
  return bytes.toString(unicode ? 'utf16le' : 'latin1')
}

export function encodeName(name: string, unicode: boolean): Buffer {
  return Buffer.from(name, unicode ? 'utf16le' : 'latin1')
}
