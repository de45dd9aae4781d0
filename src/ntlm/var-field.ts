import { ByteWriter } from '../core/index.ts'
import { malformed } from './malformed.ts'

/**
 * A payload reference: u16 Len, u16 MaxLen, u32 BufferOffset from the start of the message (MS-NLMP
 * 2.2).
 */
export interface VarField {
  readonly length: number
  readonly offset: number
}

export const FIELD_LENGTH = 8

/** Reads the field at `at`. MaxLen is ignored, as MS-NLMP requires. */
export function readField(message: Buffer, at: number): VarField {
  return { length: message.readUInt16LE(at), offset: message.readUInt32LE(at + 4) }
}

/**
 * The bytes a field points to, or undefined when they are not between `headerLength` and the end of the message. The
 * offset of an empty field is meaningless and ignored.
 */
export function sliceField(
  message: Buffer,
  field: VarField,
  headerLength: number,
): Buffer | undefined {
  const { length, offset } = field
  if (length === 0) return Buffer.alloc(0)
  if (offset < headerLength || offset > message.length || length > message.length - offset) {
    return undefined
  }
  return message.subarray(offset, offset + length)
}

/** The variable part of a message being written. */
export class Payload {
  readonly #start: number
  readonly #values = new ByteWriter()

  /** `start` is the length of the fixed part before it. */
  constructor(start: number) {
    this.#start = start
  }

  /**
   * Appends a value and returns the 8-byte field that points to it.
   *
   * @throws ProxyError NTLM_MALFORMED when the length does not fit a u16: a challenge whose pairs fill it leaves no
   * room for ours
   */
  add(value: Buffer): Buffer {
    const offset = this.#start + this.#values.length
    if (value.length > 0xffff) throw malformed('field-too-long', offset)
    this.#values.raw(value)
    return new ByteWriter().u16(value.length).u16(value.length).u32(offset).finish()
  }

  finish(): Buffer {
    return this.#values.finish()
  }
}
