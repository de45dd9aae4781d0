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
    return this.bytes.readUInt8(this.#pass(1))
  }

  u16(): number {
    return this.bytes.readUInt16LE(this.#pass(2))
  }

  u32(): number {
    return this.bytes.readUInt32LE(this.#pass(4))
  }

  /** The next `length` bytes, not copied. */
  take(length: number): Buffer {
    const start = this.#pass(length)
    return this.bytes.subarray(start, this.offset)
  }

  /** @returns the offset of what is passed over. */
  #pass(length: number): number {
    if (length < 0 || length > this.remaining) {
      throw new RangeError(
        `${length} bytes wanted at offset ${this.offset}, ${this.remaining} there`,
      )
    }
    const start = this.offset
    this.offset += length
    return start
  }
}

/** Longer than most messages of NTLM. */
const FIRST_SIZE = 512

/** Little-endian writing into a buffer that grows. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(FIRST_SIZE)
  #length = 0

  get length(): number {
    return this.#length
  }

  u16(value: number): this {
    this.#makeRoom(2)
    this.#length = this.#bytes.writeUInt16LE(value, this.#length)
    return this
  }

  u32(value: number): this {
    this.#makeRoom(4)
    this.#length = this.#bytes.writeUInt32LE(value >>> 0, this.#length)
    return this
  }

  raw(bytes: Uint8Array): this {
    this.#makeRoom(bytes.byteLength)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.byteLength
    return this
  }

  /** What was written, in memory of its own. */
  finish(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length))
  }

  #makeRoom(size: number): void {
    const needed = this.#length + size
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}
