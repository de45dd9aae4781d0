import { createCipheriv } from 'node:crypto'

/** 56 key bits spread over 8 bytes, the lowest bit of each filled up to odd parity. */
export function spreadKey(key7: Uint8Array): Buffer {
  const bits = BigInt(`0x${Buffer.from(key7).toString('hex')}`)
  const spread = Buffer.alloc(8)
  for (let index = 0; index < 8; index++) {
    const septet = Number((bits >> BigInt(49 - 7 * index)) & 0x7fn)
    const ones = septet.toString(2).replaceAll('0', '').length
    spread.writeUInt8((septet << 1) | (ones % 2 === 0 ? 1 : 0), index)
  }
  return spread
}

/**
 * DES in ECB mode of one 8-byte block. OpenSSL 3 has no single DES; triple DES with one key is the
 * same.
 */
export function desEncrypt(key8: Uint8Array, block8: Uint8Array): Buffer {
  const cipher = createCipheriv('des-ede3-ecb', Buffer.concat([key8, key8, key8]), null)
  cipher.setAutoPadding(false)
  return Buffer.concat([cipher.update(block8), cipher.final()])
}

/** DES(K, D) of MS-NLMP section 6: a 7-byte key, one 8-byte block. */
export function des(key7: Uint8Array, block8: Uint8Array): Buffer {
  return desEncrypt(spreadKey(key7), block8)
}

/**
 * DESL(K, D) of MS-NLMP section 6: the 16-byte key, zero-padded to 21, makes three DES keys; 24
 * bytes.
 */
export function desl(key16: Uint8Array, block8: Uint8Array): Buffer {
  const key21 = Buffer.alloc(21)
  key21.set(key16)
  const blocks = [0, 7, 14].map(start => des(key21.subarray(start, start + 7), block8))
  key21.fill(0)
  return Buffer.concat(blocks)
}
