import t from 'tap'
import { systemEntropy } from '../../../src/core/index.ts'

t.test('random bytes come in any length, and never twice', async t => {
  const seen = new Set<string>()
  for (let n = 0; n < 1000; n++) {
    const bytes = systemEntropy.bytes(8)
    t.equal(bytes.length, 8)
    seen.add(bytes.toString('hex'))
  }
  t.equal(seen.size, 1000)
  for (const length of [0, 1, 2047, 2048, 2049, 10_000])
    t.equal(systemEntropy.bytes(length).length, length)
  const long = systemEntropy.bytes(10_000)
  t.ok(new Set(long).size > 200, 'not left at zero')
})

t.test('what was given out is the own of who asked', async t => {
  const first = systemEntropy.bytes(16)
  const copy = Buffer.from(first)
  for (let n = 0; n < 500; n++) systemEntropy.bytes(16)
  t.same(first, copy)
})
