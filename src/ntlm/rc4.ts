/**
 * RC4 of `data` with the key stream from its start: RC4K(K, D) of MS-NLMP section 6. Used for the
 * EncryptedRandomSessionKey only.
 */
export function rc4(key: Uint8Array, data: Uint8Array): Buffer {
  const state = Buffer.from(Array.from({ length: 256 }, (_, index) => index))
  const secret = Buffer.from(key)
  const swap = (i: number, j: number): void => {
    const kept = state.readUInt8(i)
    state.writeUInt8(state.readUInt8(j), i)
    state.writeUInt8(kept, j)
  }
  for (let i = 0, j = 0; i < 256; i++) {
    j = (j + state.readUInt8(i) + secret.readUInt8(i % secret.length)) & 0xff
    swap(i, j)
  }
  let i = 0
  let j = 0
  const output = Buffer.from(data).map(byte => {
    i = (i + 1) & 0xff
    j = (j + state.readUInt8(i)) & 0xff
    swap(i, j)
    return byte ^ state.readUInt8((state.readUInt8(i) + state.readUInt8(j)) & 0xff)
  })
  state.fill(0)
  secret.fill(0)
  return Buffer.from(output)
}
