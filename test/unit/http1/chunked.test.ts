import t from 'tap'
import {
  ChunkedDecoder,
  chunkHeader,
  DEFAULT_LIMITS,
  lastChunk,
  type RawHeaders,
} from '../../../src/http1/index.ts'
import { everyCut, latin1 } from './read-response.ts'

function decode(pieces: readonly Buffer[]) {
  const data: string[] = []
  const decoder = new ChunkedDecoder(bytes => void data.push(bytes.toString()), DEFAULT_LIMITS)
  const ends = pieces.map(piece => decoder.push(piece, 0))
  return { data: data.join(''), trailers: decoder.trailers, ends }
}

t.test('what the encoder writes the decoder reads, cut anywhere', async t => {
  const trailers: RawHeaders = ['Digest', 'x=y', 'Empty', '']
  const text = 'a chunk of thirty characters ..'
  const bytes = latin1(
    `${chunkHeader(text.length)}${text}\r\n${chunkHeader(1)}!\r\n${lastChunk(trailers)}`,
  )
  t.equal(bytes.subarray(0, 4).toString(), '1f\r\n')
  for (const pieces of everyCut(bytes)) {
    const { data, trailers: seen } = decode(pieces)
    if (data !== `${text}!`) t.equal(data, `${text}!`)
    if (String(seen) !== String(trailers)) t.same(seen, trailers)
  }
  t.same(decode([bytes]).trailers, trailers)
})

t.test('the offset behind the body is told', async t => {
  t.same(decode([latin1('1\r\na\r\n0\r\n\r\nrest')]).ends, [11])
  t.same(decode([latin1('1\r\na'), latin1('\r\n0\r\n\r'), latin1('\nrest')]).ends, [4, 6, 1])
  t.same(decode([latin1('0\r\n\r\n'), latin1('more')]).ends, [5, 0], 'and nothing is read after it')
})

t.test('trailers are not there before the end', async t => {
  t.equal(decode([latin1('0\r\n')]).trailers, undefined)
  t.same(decode([latin1('0\r\n\r\n')]).trailers, [])
})

t.test('the encoder refuses what would break the framing', async t => {
  t.equal(lastChunk([]), '0\r\n\r\n')
  for (const length of [0, -1, 1.5, NaN]) t.throws(() => chunkHeader(length), { code: 'BUG' })
  t.throws(() => lastChunk(['A', 'b\r\nC: d']), { code: 'BAD_REQUEST' })
})
