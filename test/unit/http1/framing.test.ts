import t from 'tap'
import {
  type BodyFraming,
  contentLength,
  isPersistent,
  type ResponseHead,
  responseFraming,
} from '../../../src/http1/index.ts'

function head(
  status: number,
  headers: string[] = [],
  version: '1.0' | '1.1' = '1.1',
): ResponseHead {
  return { version, status, reason: '', headers }
}

const LENGTH_5 = ['Content-Length', '5']
const CHUNKED = ['Transfer-Encoding', 'Chunked']

t.test('the body length law of RFC 9112 section 6.3', async t => {
  const cases: [name: string, method: string, head: ResponseHead, framing: BodyFraming][] = [
    ['length', 'GET', head(200, LENGTH_5), { kind: 'length', length: 5 }],
    ['length of a 407 to CONNECT', 'CONNECT', head(407, LENGTH_5), { kind: 'length', length: 5 }],
    ['2xx to CONNECT', 'CONNECT', head(204, LENGTH_5), { kind: 'tunnel' }],
    ['101', 'GET', head(101, CHUNKED), { kind: 'tunnel' }],
    ['HEAD', 'HEAD', head(200, CHUNKED), { kind: 'none' }],
    ['HEAD with a bad length', 'HEAD', head(200, ['Content-Length', 'x']), { kind: 'none' }],
    ['204', 'GET', head(204, LENGTH_5), { kind: 'none' }],
    ['304', 'GET', head(304, LENGTH_5), { kind: 'none' }],
    ['100', 'GET', head(100), { kind: 'none' }],
    ['chunked', 'POST', head(200, CHUNKED), { kind: 'chunked' }],
    ['chunked in HTTP/1.0', 'GET', head(200, CHUNKED, '1.0'), { kind: 'chunked' }],
    ['identity', 'GET', head(200, ['Transfer-Encoding', 'identity']), { kind: 'until-close' }],
    ['nothing said', 'GET', head(200), { kind: 'until-close' }],
    ['equal lengths', 'GET', head(200, [...LENGTH_5, ...LENGTH_5]), { kind: 'length', length: 5 }],
    [
      'a list of equal lengths',
      'GET',
      head(200, ['Content-Length', '5, 05']),
      { kind: 'length', length: 5 },
    ],
    [
      'the greatest length',
      'GET',
      head(200, ['Content-Length', '9007199254740991']),
      { kind: 'length', length: Number.MAX_SAFE_INTEGER },
    ],
  ]
  for (const [name, method, response, framing] of cases) {
    t.same(responseFraming(method, response), framing, name)
  }
})

t.test('framing that two readers could see differently is refused', async t => {
  const cases: string[][] = [
    ['Content-Length', ''],
    ['Content-Length', '-1'],
    ['Content-Length', '+5'],
    ['Content-Length', '5 5'],
    ['Content-Length', '0x5'],
    ['Content-Length', '5,6'],
    ['Content-Length', '5,'],
    ['Content-Length', '9007199254740992'],
    ['Content-Length', '5', 'Content-Length', '6'],
    [...CHUNKED, ...LENGTH_5],
    ['Transfer-Encoding', 'gzip'],
    ['Transfer-Encoding', 'gzip, chunked'],
    ['Transfer-Encoding', 'chunked, gzip'],
    ['Transfer-Encoding', 'chunked;a=b'],
    [...CHUNKED, ...CHUNKED],
    ['Transfer-Encoding', ''],
  ]
  for (const headers of cases) {
    t.throws(
      () => responseFraming('GET', head(200, headers)),
      { code: 'UPSTREAM_PROTOCOL' },
      headers.join(' '),
    )
  }
})

t.test('contentLength', async t => {
  t.equal(contentLength([]), undefined)
  t.equal(contentLength(LENGTH_5), 5)
  t.equal(contentLength(['content-length', '1, 2']), 'invalid')
})

t.test('which connections persist', async t => {
  const length: BodyFraming = { kind: 'length', length: 0 }
  const keep = ['Connection', 'Keep-Alive']
  const cases: [name: string, head: ResponseHead, framing: BodyFraming, persistent: boolean][] = [
    ['1.1', head(200), length, true],
    ['1.1 without a body', head(304), { kind: 'none' }, true],
    ['1.1 close', head(200, ['Connection', 'x, Close']), length, false],
    ['1.1 proxy close', head(407, ['Proxy-Connection', 'close', ...keep]), length, false],
    ['1.1 close and keep-alive', head(200, ['Connection', 'keep-alive, close']), length, false],
    ['1.1 until close', head(200, keep), { kind: 'until-close' }, false],
    ['a tunnel', head(200, keep), { kind: 'tunnel' }, false],
    ['1.0', head(200, [], '1.0'), length, false],
    ['1.0 keep-alive', head(200, keep, '1.0'), length, true],
    ['1.0 proxy keep-alive', head(407, ['Proxy-Connection', 'keep-alive'], '1.0'), length, true],
    ['1.0 keep-alive and close', head(200, [...keep, 'Connection', 'close'], '1.0'), length, false],
    ['1.0 chunked', head(200, [...keep, ...CHUNKED], '1.0'), { kind: 'chunked' }, false],
  ]
  for (const [name, response, framing, persistent] of cases) {
    t.equal(isPersistent(response, framing), persistent, name)
  }
})
