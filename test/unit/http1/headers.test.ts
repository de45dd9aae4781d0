import t from 'tap'
import {
  FieldNames,
  getAllHeaders,
  getHeader,
  hasHeader,
  hasListToken,
  replaceHeader,
  setHeader,
  withoutHeaders,
} from '../../../src/http1/index.ts'

const HEADERS = [
  'Host',
  'a',
  'Via',
  '1.1 x',
  'HOST',
  'b',
  'Connection',
  'close, ,\tX-A ',
  'vIA',
  'y',
]

t.test('names are found in any case', async t => {
  t.equal(getHeader(HEADERS, 'hOST'), 'a')
  t.equal(getHeader(HEADERS, 'Hos'), undefined)
  t.equal(getHeader(HEADERS, 'close'), undefined, 'a value is no name')
  t.same(getAllHeaders(HEADERS, 'via'), ['1.1 x', 'y'])
  t.same(getAllHeaders(HEADERS, 'none'), [])
  t.ok(hasHeader(['X', ''], 'x'), 'an empty value is there')
  t.notOk(hasHeader(HEADERS, 'x'))
})

t.test('setHeader replaces the first and removes the others', async t => {
  t.same(setHeader(['A', '1', 'b', '2', 'a', '3'], 'a', 'new'), ['a', 'new', 'b', '2'])
  t.same(setHeader(['A', '1'], 'B', '2'), ['A', '1', 'B', '2'])
  t.same(setHeader([], 'B', '2'), ['B', '2'])
  const before = Object.freeze(['A', '1'])
  setHeader(before, 'a', '2')
  t.same(before, ['A', '1'], 'the list given stays as it is')
})

t.test('withoutHeaders keeps order and case of the rest', async t => {
  t.same(withoutHeaders(HEADERS, new FieldNames(['host', 'via'])), ['Connection', 'close, ,\tX-A '])
})

t.test('list tokens are compared whole, in any case, over all fields', async t => {
  t.ok(hasListToken(HEADERS, 'connection', 'Close'))
  t.ok(hasListToken(HEADERS, 'connection', 'x-a'))
  t.notOk(hasListToken(HEADERS, 'connection', 'clos'))
  t.notOk(hasListToken(HEADERS, 'connection', ''))
  t.ok(hasListToken(['A', 'x', 'a', 'y'], 'A', 'Y'))
})

t.test('field names are found in any case', async t => {
  const names = new FieldNames(['Host', 'via', 'keep-alive'])
  for (const name of ['host', 'HOST', 'Via', 'Keep-Alive']) t.ok(names.has(name), name)
  for (const name of ['', 'hosts', 'hos', 'vix', 'connection']) t.notOk(names.has(name), name)
})

t.test('replaceHeader leaves one field, in the place of the first', async t => {
  const headers = ['Host', 'a', 'X', 'y', 'HOST', 'b', 'Z', 'w', 'host', 'c']
  replaceHeader(headers, 'host', 'd')
  t.same(headers, ['host', 'd', 'X', 'y', 'Z', 'w'])
  replaceHeader(headers, 'New', 'n')
  t.same(headers, ['host', 'd', 'X', 'y', 'Z', 'w', 'New', 'n'])
})
