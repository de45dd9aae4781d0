import t from 'tap'
import {
  endToEndRequestHeaders,
  endToEndResponseHeaders,
  endToEndTrailers,
} from '../../../src/http1/index.ts'

t.test('fields of one hop stay behind', async t => {
  const hop = [
    ...['Connection', 'keep-alive', 'PROXY-Connection', 'x', 'Keep-Alive', 'timeout=5'],
    ...['TE', 'trailers', 'Transfer-Encoding', 'chunked', 'Upgrade', 'websocket'],
  ]
  const kept = ['Host', 'h', 'Trailer', 'Digest', 'X', '1', 'x', '2', 'Content-Length', '5']
  t.same(endToEndRequestHeaders([...hop, ...kept, 'Proxy-Authorization', 'NTLM x']), kept)
  t.same(
    endToEndResponseHeaders([
      ...['Proxy-Authenticate', 'NTLM', 'Proxy-Authentication-Info', 'x'],
      ...[...kept, ...hop],
    ]),
    kept,
  )
})

t.test('the header of the client keeps its origin credentials', async t => {
  const headers = ['Authorization', 'NTLM x', 'WWW-Authenticate', 'NTLM', 'Cookie', 'a=b']
  t.same(endToEndRequestHeaders(headers), headers)
  t.same(endToEndResponseHeaders(headers), headers)
})

t.test('what Connection names stays behind, over several fields', async t => {
  const headers = [
    'Connection',
    'close, X-One',
    'X-ONE',
    '1',
    'connection',
    ' x-two ,',
    'X-Two',
    '2',
  ]
  t.same(endToEndRequestHeaders([...headers, 'X-Three', '3']), ['X-Three', '3'])
})

t.test('Connection cannot take end-to-end fields off a message', async t => {
  const kept = [
    ...['Host', 'h', 'Content-Length', '5', 'Content-Type', 'a/b', 'Authorization', 'x'],
    ...['Via', '1.1 x', 'Cache-Control', 'no-store', 'Cookie', 'a', 'X-Forwarded-For', '::1'],
  ]
  const names = kept.filter((_, i) => i % 2 === 0).join(', ')
  t.same(endToEndRequestHeaders(['Connection', names, ...kept]), kept)
  t.same(endToEndResponseHeaders(['Connection', names.toLowerCase(), ...kept]), kept)
})

t.test('Content-Length goes on once and as a number', async t => {
  const cases: [before: string[], after: string[]][] = [
    [
      ['Content-Length', '05'],
      ['Content-Length', '5'],
    ],
    [
      ['content-length', '5, 5'],
      ['content-length', '5'],
    ],
    [
      ['Content-Length', '5', 'A', 'b', 'Content-Length', '5'],
      ['Content-Length', '5', 'A', 'b'],
    ],
    [
      ['Content-Length', '5', 'Content-Length', '6', 'A', 'b'],
      ['A', 'b'],
    ],
    [['Content-Length', 'x'], []],
  ]
  for (const [before, after] of cases) t.same(endToEndResponseHeaders(before), after)
})

t.test('trailers go on without what decides on the message, a logon or the way', async t => {
  const kept = ['Digest', 'sha=1', 'grpc-status', '0', 'Server-Timing', 'a;dur=1', 'ETag', '"1"']
  const dropped = [
    ...['Proxy-Authorization', 'Host', 'Connection', 'Content-Length', 'Transfer-Encoding'],
    ...['Proxy-Authenticate', 'proxy-authentication-info', 'WWW-Authenticate', 'Authorization'],
    ...['Set-Cookie', 'Cookie', 'Content-Type', 'Content-Encoding', 'Content-Range', 'Trailer'],
    ...['Expect', 'TE', 'Upgrade', 'Keep-Alive', 'Proxy-Connection', 'Max-Forwards', 'Via'],
    ...['Range', 'If-Match', 'Cache-Control', 'Location', 'Vary', 'Date', 'Retry-After'],
  ]
  t.same(endToEndTrailers([...dropped.flatMap(name => [name, 'x']), ...kept], []), kept)
  t.same(endToEndTrailers(['X-Hop', '1', 'Y', '2'], ['Connection', 'x-hop']), ['Y', '2'])
  t.same(endToEndTrailers(['X', 'a\x01b', 'Y', '2'], []), ['Y', '2'], 'node could not write it')
})
