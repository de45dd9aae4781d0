import t from 'tap'
import { type ResponseHandler, ResponseParser } from '../../../src/http1/index.ts'
import { latin1 } from './read-response.ts'

const OK = 'HTTP/1.1 200 OK\r\n'
const SILENT: ResponseHandler = { informational() {}, head() {}, body() {}, end() {} }

t.test('one connection after another response', async t => {
  const events: string[] = []
  const parser: ResponseParser = new ResponseParser({
    informational: () => void events.push('informational'),
    head: head => void events.push(String(head.status)),
    body: bytes => void events.push(bytes.toString()),
    end: () => void events.push('end'),
  })
  t.ok(parser.isIdle)
  t.equal(parser.push(latin1('early'))?.toString(), 'early', 'nothing was begun')
  t.notOk(parser.sawBytes)
  parser.begin('GET')
  t.notOk(parser.isIdle)
  t.notOk(parser.sawBytes)
  t.throws(() => parser.begin('GET'), { code: 'BUG' })
  parser.push(latin1('H'))
  t.ok(parser.sawBytes)
  const rest = parser.push(latin1(`TTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi${OK}\r\n`))
  t.equal(rest?.toString(), `${OK}\r\n`)
  t.ok(parser.isIdle)
  t.ok(parser.sawBytes, 'until the next begin')
  parser.finish()
  t.equal(parser.push(latin1('late'))?.toString(), 'late')
  t.equal(parser.push(Buffer.alloc(0)), undefined)
  parser.begin('HEAD')
  t.notOk(parser.sawBytes)
  t.equal(parser.push(rest ?? Buffer.alloc(0)), undefined)
  t.same(events, ['200', 'hi', 'end', '200', 'end'])
})

t.test('end() may begin the next exchange: what is left over still comes back', async t => {
  const statuses: number[] = []
  const parser: ResponseParser = new ResponseParser({
    ...SILENT,
    head: head => void statuses.push(head.status),
    end: () => parser.begin('GET'),
  })
  parser.begin('GET')
  const two = latin1(`${OK}Content-Length: 0\r\n\r\nHTTP/1.1 201 Next\r\nContent-Length: 0\r\n\r\n`)
  const rest = parser.push(two)
  t.same(statuses, [200])
  t.equal(parser.push(rest ?? Buffer.alloc(0)), undefined)
  t.same(statuses, [200, 201])
})

t.test('a failed parser throws its error again and says nothing more', async t => {
  let events = 0
  const count = () => void (events += 1)
  const parser = new ResponseParser({ informational: count, head: count, body: count, end: count })
  parser.begin('GET')
  t.throws(() => parser.push(latin1('junk, junk')), { code: 'UPSTREAM_PROTOCOL' })
  t.throws(() => parser.push(latin1(`${OK}\r\n`)), { code: 'UPSTREAM_PROTOCOL' })
  t.throws(() => parser.finish(), { code: 'UPSTREAM_PROTOCOL' })
  t.throws(() => parser.begin('GET'), { code: 'BUG' })
  t.notOk(parser.isIdle)
  t.equal(events, 0)
})

t.test('body bytes are views of what was pushed', async t => {
  const seen: Buffer[] = []
  const parser = new ResponseParser({ ...SILENT, body: bytes => void seen.push(bytes) })
  parser.begin('GET')
  const first = latin1(`${OK}Content-Length: 8\r\n\r\nabc`)
  const second = latin1('defgh')
  parser.push(first)
  parser.push(second)
  t.equal(seen[0]?.buffer, first.buffer)
  t.equal(seen[1], second, 'a push that is all body is handed on itself')
})
