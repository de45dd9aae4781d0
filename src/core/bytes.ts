/** Little-endian, bounds-checked reading. Reading past the end throws RangeError with the offset. */
export class ByteReader {
  readonly bytes: Buffer
  offset: number

  constructor(bytes: Buffer, offset = 0) {
    this.bytes = bytes
    this.offset = offset
  }

  get remaining(): number {
    return this.bytes.length - this.offset
  }

  u8(): number {
    return this.take(1).readUInt8(0)
  }

  u16(): number {
    return this.take(2).readUInt16LE(0)
  }

  u32(): number {
    return this.take(4).readUInt32LE(0)
  }

  /** The next `length` bytes, not copied. */
  take(length: number): Buffer {
    if (length < 0 || length > this.remaining) {
      throw new RangeError(
        `${length} bytes wanted at offset ${this.offset}, ${this.remaining} there`,
      )
    }
    const start = this.offset
    this.offset += length
    return this.bytes.subarray(start, this.offset)
  }
}

/** Little-endian writing into a buffer that grows. */
export class ByteWriter {
  readonly #parts: Buffer[] = []
  #length = 0

  get length(): number {
    return this.#length
  }

  u16(value: number): this {
    const part = Buffer.allocUnsafe(2)
    part.writeUInt16LE(value)
    return this.raw(part)
  }

  u32(value: number): this {
    const part = Buffer.allocUnsafe(4)
    part.writeUInt32LE(value >>> 0)
    return this.raw(part)
  }

  raw(bytes: Uint8Array): this {
    this.#parts.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    this.#length += bytes.byteLength
    return this
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts, this.#length)
  }
}
