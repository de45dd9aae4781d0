import t from 'tap'
import { discard } from '../../../src/net/discard.ts'

const IS_POSSIBLE = 'transfer' in ArrayBuffer.prototype

t.test('the memory of many bytes is freed, once', async t => {
  const bytes = Buffer.allocUnsafeSlow(64 * 1024)
  discard(bytes)
  t.equal(bytes.length, IS_POSSIBLE ? 0 : 64 * 1024)
  discard(bytes)
})

t.test('few bytes, and a part of more, stay as they are', async t => {
  const few = Buffer.allocUnsafeSlow(1024).fill('x')
  const many = Buffer.allocUnsafeSlow(128 * 1024).fill('y')
  const part = many.subarray(0, 64 * 1024)
  for (const bytes of [few, part]) discard(bytes)
  t.strictSame([few.length, part.length, many.length], [1024, 64 * 1024, 128 * 1024])
  t.equal(many.at(-1), 'y'.charCodeAt(0))
})
