import t from 'tap'
import { serializeRequestHead, serializeResponseHead } from '../../../src/http1/index.ts'
import { latin1, readResponse } from './read-response.ts'

t.test('a request keeps order, case, duplicates and Latin-1', async t => {
  const headers = ['HOST', 'h', 'X-a', '\xe9', 'X-A', '', 'Tab', 'a\tb']
  t.equal(
    serializeRequestHead({ method: 'M-SEARCH', target: 'http://h/\xe9?a|b', headers }),
    'M-SEARCH http://h/\xe9?a|b HTTP/1.1\r\nHOST: h\r\nX-a: \xe9\r\nX-A: \r\nTab: a\tb\r\n\r\n',
  )
  t.equal(
    serializeRequestHead({ method: 'CONNECT', target: 'h:1', headers: [] }),
    'CONNECT h:1 HTTP/1.1\r\n\r\n',
  )
})

t.test('no part of a request can break out of its place', async t => {
  const good = { method: 'GET', target: '/', headers: ['Host', 'h'] }
  for (const bad of ['', ' ', 'a b', 'a\r\nb', 'a\n', 'a\0', 'a\x7f', 'a\u0100']) {
    const name = JSON.stringify(bad)
    t.throws(() => serializeRequestHead({ ...good, method: bad }), { code: 'BAD_REQUEST' }, name)
    t.throws(() => serializeRequestHead({ ...good, target: bad }), { code: 'BAD_REQUEST' }, name)
    const headers = ['Host', 'h', bad, 'x']
    t.throws(() => serializeRequestHead({ ...good, headers }), { code: 'BAD_REQUEST' }, name)
  }
  for (const bad of ['\r', '\n', '\0', 'a\x01', 'a\x7f', '\u0100', 'a\r\nX: y']) {
    const headers = ['Secret', `token${bad}`]
    t.throws(
      () => serializeRequestHead({ ...good, headers }),
      { code: 'BAD_REQUEST', message: /^(?!.*token).*"Secret"/s },
      `${JSON.stringify(bad)}: the name is told, the value is not`,
    )
  }
  t.throws(() => serializeRequestHead({ ...good, headers: ['Host:', 'h'] }), {
    code: 'BAD_REQUEST',
  })
})

t.test('a response that is written is read back the same', async t => {
  const head = { version: '1.1', status: 502, reason: 'Bad \xe9', headers: ['A', 'b'] } as const
  const text = serializeResponseHead('1.1', head)
  t.equal(text, 'HTTP/1.1 502 Bad \xe9\r\nA: b\r\n\r\n')
  t.same(readResponse([latin1(text)]).head, head)
  t.match(serializeResponseHead('1.0', { ...head, reason: '' }), /^HTTP\/1\.0 502 \r\n/)
})

t.test('an invalid response is our own mistake', async t => {
  const good = { version: '1.1', status: 200, reason: 'OK', headers: [] } as const
  const bad = [
    { ...good, status: 99 },
    { ...good, status: 1000 },
    { ...good, status: 200.5 },
    { ...good, reason: 'a\r\nb' },
    { ...good, headers: ['a b', 'c'] },
    { ...good, headers: ['a', 'b\nc'] },
  ]
  for (const head of bad) t.throws(() => serializeResponseHead('1.1', head), { code: 'BUG' })
})
