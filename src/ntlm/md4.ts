function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}

/** The message, a one bit, zeros and the length in bits, in 64-byte blocks (RFC 1320 3.1, 3.2). */
function pad(message: Uint8Array): Buffer {
  const padded = Buffer.alloc(Math.ceil((message.length + 9) / 64) * 64)
  padded.set(message)
  padded.writeUInt8(0x80, message.length)
  padded.writeBigUInt64LE(BigInt(message.length) * 8n, padded.length - 8)
  return padded
}

/** MD4 (RFC 1320), 16 bytes. Implemented here, because OpenSSL 3 has it in the legacy provider only. */
export function md4(message: Uint8Array): Buffer {
  const padded = pad(message)
  const state = { a: 0x67452301, b: 0xefcdab89, c: 0x98badcfe, d: 0x10325476 }
  for (let block = 0; block < padded.length; block += 64) {
    const x = (word: number): number => padded.readUInt32LE(block + word * 4)
    let { a, b, c, d } = state
    const f = (p: number, q: number, r: number): number => (p & q) | (~p & r)
    const g = (p: number, q: number, r: number): number => (p & q) | (p & r) | (q & r)
    const h = (p: number, q: number, r: number): number => p ^ q ^ r
    for (const word of [0, 4, 8, 12]) {
      a = rotate(a + f(b, c, d) + x(word), 3)
      d = rotate(d + f(a, b, c) + x(word + 1), 7)
      c = rotate(c + f(d, a, b) + x(word + 2), 11)
      b = rotate(b + f(c, d, a) + x(word + 3), 19)
    }
    for (const word of [0, 1, 2, 3]) {
      a = rotate(a + g(b, c, d) + x(word) + 0x5a827999, 3)
      d = rotate(d + g(a, b, c) + x(word + 4) + 0x5a827999, 5)
      c = rotate(c + g(d, a, b) + x(word + 8) + 0x5a827999, 9)
      b = rotate(b + g(c, d, a) + x(word + 12) + 0x5a827999, 13)
    }
    for (const word of [0, 2, 1, 3]) {
      a = rotate(a + h(b, c, d) + x(word) + 0x6ed9eba1, 3)
      d = rotate(d + h(a, b, c) + x(word + 8) + 0x6ed9eba1, 9)
      c = rotate(c + h(d, a, b) + x(word + 4) + 0x6ed9eba1, 11)
      b = rotate(b + h(c, d, a) + x(word + 12) + 0x6ed9eba1, 15)
    }
    state.a = (state.a + a) | 0
    state.b = (state.b + b) | 0
    state.c = (state.c + c) | 0
    state.d = (state.d + d) | 0
  }
  // The padded copy holds the password of NTOWFv1.
  padded.fill(0)
  const digest = Buffer.alloc(16)
  digest.writeInt32LE(state.a, 0)
  digest.writeInt32LE(state.b, 4)
  digest.writeInt32LE(state.c, 8)
  digest.writeInt32LE(state.d, 12)
  return digest
}
