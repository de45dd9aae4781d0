import t from 'tap'
import { ByteReader, ByteWriter } from '../../../src/core/index.ts'

t.test('numbers are read and written little-endian', async t => {
  const bytes = new ByteWriter()
    .u16(0x0102)
    .u32(0x03040506)
    .u32(0xfffffffe)
    .u32(-2)
    .raw(Buffer.from('end'))
    .finish()
  t.equal(bytes.toString('hex'), '020106050403fefffffffeffffff656e64')
  const reader = new ByteReader(bytes)
  t.strictSame(
    [reader.u8(), reader.u8(), reader.u32(), reader.u32(), reader.u32()],
    [2, 1, 0x03040506, 0xfffffffe, 0xfffffffe],
  )
  t.equal(reader.remaining, 3)
  t.equal(reader.take(3).toString(), 'end')
  t.equal(reader.remaining, 0)
  t.equal(reader.take(0).length, 0)
})

t.test(
  'a reader may start in the middle, and its offset moves only when bytes were there',
  async t => {
    const reader = new ByteReader(Buffer.from('0011223344', 'hex'), 2)
    t.equal(reader.u16(), 0x3322)
    t.equal(reader.offset, 4)
    for (const read of [() => reader.u16(), () => reader.u32(), () => reader.take(2)]) {
      t.throws(read, { name: 'RangeError', message: / bytes wanted at offset 4, 1 there/ })
      t.equal(reader.offset, 4)
    }
    t.throws(() => reader.take(-1), RangeError)
    t.equal(reader.u8(), 0x44)
    t.throws(() => reader.u8(), RangeError)
  },
)

t.test('a writer refuses what a u16 cannot hold and counts its bytes', async t => {
  const writer = new ByteWriter()
  t.equal(writer.length, 0)
  t.throws(() => writer.u16(0x10000), RangeError)
  t.throws(() => writer.u16(-1), RangeError)
  writer.raw(new Uint8Array([1, 2, 3]).subarray(1)).u16(0xffff)
  t.equal(writer.length, 4)
  t.equal(writer.finish().toString('hex'), '0203ffff')
})
