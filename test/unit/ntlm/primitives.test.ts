import { createCipheriv } from 'node:crypto'

import t from 'tap'

import { des, desEncrypt, desl, spreadKey } from '../../../src/ntlm/des.ts'
import { filetimeFromUnixMs, unixMsFromFiletime } from '../../../src/ntlm/filetime.ts'
import { md4 } from '../../../src/ntlm/md4.ts'
import { hmacMd5, md5 } from '../../../src/ntlm/md5.ts'
import { rc4 } from '../../../src/ntlm/rc4.ts'
import { hex, vectors } from '../../harness/ntlm-vectors.ts'

t.test('MD4 gives the digests of RFC 1320', async t => {
  for (const { in_text, out } of vectors.md4) {
    t.equal(md4(Buffer.from(in_text)).toString('hex'), out, `of "${in_text}"`)
  }
})

t.test('MD4 pads right around the block length', async t => {
  // Digests of that many letters "a", computed with OpenSSL's legacy provider.
  const cases: readonly (readonly [number, string])[] = [
    [55, 'c889c81dd86c4d2e025778944ea02881'],
    [56, 'd5f9a9e9257077a5f08b0b92f348b0ad'],
    [63, '7ea3da77432d44c323671097d1348fc8'],
    [64, '52f5076fabd22680234a3fa9f9dc5732'],
    [65, '330e377bf231f3cacfecc2c182fe7e5b'],
    [119, 'e65dd227ccef97fa1d34d70189120f76'],
    [120, 'b03ddbd470b47c013e0c7ab2ddd763db'],
    [1000, '5f1bf26a8067c9159b91f1440f7c9e8a'],
  ]
  for (const [length, digest] of cases) {
    t.equal(md4(Buffer.alloc(length, 'a')).toString('hex'), digest, `${length} bytes`)
  }
})

t.test('MD5 and HMAC-MD5 give the known digests, in one part or several', async t => {
  for (const { in: input, out } of vectors.md5) {
    t.equal(md5(hex(input)).toString('hex'), out)
    t.equal(md5(hex(input).subarray(0, 3), hex(input).subarray(3)).toString('hex'), out)
  }
  for (const { key, data, out } of vectors.hmac_md5) {
    t.equal(hmacMd5(hex(key), hex(data)).toString('hex'), out)
    t.equal(hmacMd5(hex(key), hex(data), Buffer.alloc(0)).toString('hex'), out)
  }
})

t.test('RC4 gives the key streams of RFC 6229 and wraps a session key', async t => {
  for (const { key, keystream_0_31 } of vectors.rc4) {
    t.equal(rc4(hex(key), Buffer.alloc(32)).toString('hex'), keystream_0_31)
  }
  for (const { key, data, out } of vectors.rc4k) {
    t.equal(rc4(hex(key), hex(data)).toString('hex'), out)
    t.equal(rc4(hex(key), hex(out)).toString('hex'), data, 'and unwraps it')
  }
})

t.test('a 7-byte key is spread over 8 bytes with odd parity', async t => {
  for (const { in7, out8_odd_parity } of vectors.des_key_expand) {
    t.equal(spreadKey(hex(in7)).toString('hex'), out8_odd_parity)
  }
})

t.test('DES and DESL give the known blocks', async t => {
  for (const { key, in: input, out } of vectors.des_ecb_8byte_key) {
    t.equal(desEncrypt(hex(key), hex(input)).toString('hex'), out)
  }
  for (const { key7, in: input, out } of vectors.des_7byte_key) {
    t.equal(des(hex(key7), hex(input)).toString('hex'), out)
  }
  for (const { key16, in: input, out } of vectors.desl) {
    t.equal(desl(hex(key16), hex(input)).toString('hex'), out)
  }
})

t.test('the parity bits of a key change nothing', async t => {
  const block = hex('0123456789abcdef')
  const encrypt = (key: Buffer): string => {
    const cipher = createCipheriv('des-ede3-ecb', Buffer.concat([key, key, key]), null)
    return cipher.update(block).toString('hex')
  }
  for (let bit = 0; bit < 56; bit++) {
    const key7 = Buffer.alloc(7)
    key7.writeUInt8(0x80 >>> (bit % 8), Math.floor(bit / 8))
    const unpadded = spreadKey(key7).map(byte => byte & 0xfe)
    t.equal(des(key7, block).toString('hex'), encrypt(Buffer.from(unpadded)), `key bit ${bit}`)
  }
})

t.test('FILETIME counts 100 ns from 1601, fractions of a millisecond included', async t => {
  t.equal(filetimeFromUnixMs(0).readBigUInt64LE(), 116444736000000000n)
  t.equal(filetimeFromUnixMs(1.5).readBigUInt64LE(), 116444736000015000n)
  t.equal(filetimeFromUnixMs(-1).readBigUInt64LE(), 116444735999990000n)
  t.equal(unixMsFromFiletime(filetimeFromUnixMs(1_700_000_000_123)), 1_700_000_000_123)
})
