import t from 'tap'
import { type ErrorCode, ERRORS, ProxyError } from '../../../src/core/index.ts'
import { getHeader } from '../../../src/http1/index.ts'
import { adviceOn, NEVER_SHOWN } from '../../../src/proxy/error-advice.ts'
import { errorPage, type PageOptions } from '../../../src/proxy/error-page.ts'

const HTML = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
const CODES = Object.keys(ERRORS) as ErrorCode[]

function show(error: ProxyError, options: Partial<PageOptions> = {}) {
  const page = errorPage(error, { requestId: '3f-1', accept: '*/*', isHead: false, ...options })
  const field = (name: string): string | undefined => getHeader(page.head.headers, name)
  return { ...page, field, text: page.body.toString() }
}

t.test('each code that reaches a client has its advice, the others are named', async t => {
  const never: readonly ErrorCode[] = NEVER_SHOWN
  for (const code of CODES) {
    const advice = adviceOn(code)
    if (never.includes(code)) t.equal(advice, undefined, code)
    else t.match(advice, /^[A-Z][^\n<>]*[.]$/, code)
  }
})

t.test('every page fits in 2 KB in each form, and stays small whatever its detail is', async t => {
  for (const code of CODES) {
    for (const accept of ['*/*', HTML, 'application/json']) {
      const { body, field } = show(new ProxyError(code, { detail: '<é>'.repeat(1_000) }), {
        accept,
      })
      t.ok(body.length < 4_096, `${code} ${accept} ${body.length}`)
      t.equal(field('Content-Length'), String(body.length))
      const usual = show(new ProxyError(code, { detail: 'proxy.corp.example:8080' }), { accept })
      t.ok(usual.body.length < 2_048, `${code} ${accept} ${usual.body.length}`)
    }
  }
})

t.test('text, HTML and JSON say the same', async t => {
  const error = new ProxyError('AUTH_REJECTED', { detail: 'p:8080 refuses CORP\\alice' })
  const forms: [accept: string, type: string][] = [
    ['*/*', 'text/plain; charset=utf-8'],
    ['image/png', 'text/plain; charset=utf-8'],
    [HTML, 'text/html; charset=utf-8'],
    ['application/json', 'application/json'],
  ]
  for (const [accept, type] of forms) {
    const { head, field, text } = show(error, { accept })
    t.equal(field('Content-Type'), type)
    t.equal(head.status, 502)
    for (const word of [
      'rejected the credential',
      'p:8080',
      '3f-1',
      'AUTH_REJECTED',
      'Correct the',
    ])
      t.ok(text.includes(word), `${type} has ${word}`)
    t.equal(field('Cache-Control'), 'no-store')
    t.equal(field('X-Content-Type-Options'), 'nosniff')
    t.match(field('Content-Security-Policy'), /^default-src 'none'; style-src 'unsafe-inline'$/)
    t.match(field('Proxy-Status'), /^tsntlm; error=proxy_configuration_error; details="p:8080 /)
  }
  t.strictSame(JSON.parse(show(error, { accept: 'application/json' }).text), {
    status: 502,
    error: 'AUTH_REJECTED',
    message: 'The upstream proxy rejected the credential: p:8080 refuses CORP\\alice.',
    advice: adviceOn('AUTH_REJECTED'),
    request: '3f-1',
  })
})

t.test('HTML has nothing of the detail that could be executed, and fits a phone', async t => {
  const detail = `<script>alert("1")</script>' onload=x & <img src=//evil>`
  const { text } = show(new ProxyError('DIAL_DNS', { detail }), { accept: HTML })
  t.notMatch(text, /<script|<img|"1"|' onload/)
  t.match(text, /&#60;script&#62;/)
  t.match(text, /^<!doctype html>\n<html lang="en">/)
  t.match(text, /name="viewport"/)
  t.match(text, /color-scheme:light dark/)
})

t.test('the detail of a bug, which may name files, stays in the log', async t => {
  const error = new ProxyError('BUG', { detail: 'ENOENT: open /etc/tsntlm/secret.conf' })
  for (const accept of ['*/*', HTML, 'application/json']) {
    const page = show(error, { accept })
    t.notMatch(page.text + page.head.headers.join('\n'), /etc|secret|ENOENT/)
    t.match(page.text, /a mistake of its own/)
  }
})

t.test('when to try again stands in Retry-After, in whole seconds', async t => {
  const cases: [error: ProxyError, value: string | undefined][] = [
    [new ProxyError('CLIENT_LIMIT'), '5'],
    [new ProxyError('POOL_TIMEOUT'), '5'],
    [new ProxyError('AUTH_LOCKED_OUT', { retryAfterMs: 1_700_001 }), '1701'],
    [new ProxyError('DIAL_REFUSED', { retryAfterMs: 4_000 }), '4'],
    [new ProxyError('DIAL_REFUSED'), undefined],
    [new ProxyError('BAD_TARGET'), undefined],
  ]
  for (const [error, value] of cases) t.equal(show(error).field('Retry-After'), value, error.code)
})

t.test('the answer to a HEAD has the length of the page and no page', async t => {
  const error = new ProxyError('DIAL_DNS', { detail: 'x' })
  const { body, field } = show(error, { isHead: true })
  t.equal(body.length, 0)
  t.equal(field('Content-Length'), String(show(error).body.length))
})

t.test('a client that has to log on is asked in the realm of cntlm', async t => {
  const { field, head } = show(new ProxyError('CLIENT_AUTH_REQUIRED'))
  t.equal(head.status, 407)
  t.equal(field('Proxy-Authenticate'), 'Basic realm="Cntlm Proxy"')
})
