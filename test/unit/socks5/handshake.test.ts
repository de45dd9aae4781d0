import { inspect } from 'node:util'
import t from 'tap'
import type { Secret } from '../../../src/core/index.ts'
import { SocksHandshake } from '../../../src/socks5/index.ts'
import { connectTo, converse, hex, logon, usersOf } from './clients.ts'

const NO_AUTH = hex('05 01 00')
const BY_PASSWORD = hex('05 01 02')
const USERS = usersOf({ alice: 'S3cret', jürgen: 'geh€im', umlaut: 'ß', empty: '' })

t.test('the client and server of RFC 1928 agree byte for byte', async t => {
  const handshake = new SocksHandshake({ users: undefined })
  t.same(handshake.push(hex('05 02 00 01')), [{ kind: 'send', bytes: hex('05 00') }])
  t.same(handshake.push(hex('05 01 00 01 c0 00 02 07 01 bb')), [
    { kind: 'connect', target: { host: '192.0.2.7', port: 443 }, leftover: Buffer.alloc(0) },
  ])
})

t.test('the client and server of RFC 1929 agree byte for byte', async t => {
  const handshake = new SocksHandshake({ users: USERS })
  t.same(handshake.push(hex('05 02 00 02')), [{ kind: 'send', bytes: hex('05 02') }])
  t.same(handshake.push(hex('01 05 61 6c 69 63 65 06 53 33 63 72 65 74')), [
    { kind: 'send', bytes: hex('01 00') },
  ])
  t.same(handshake.push(hex('05 01 00 03 07 61 2e 6c 6f 63 61 6c 00 50')), [
    { kind: 'connect', target: { host: 'a.local', port: 80 }, leftover: Buffer.alloc(0) },
  ])
})

t.test('the method is chosen by whether there are users', async t => {
  const open = undefined
  const cases: [name: string, greeting: string, users: typeof USERS | undefined, sent: string][] = [
    ['method 0 without users', '05 01 00', open, '0500'],
    ['method 0 before 2 without users', '05 02 02 00', open, '0500'],
    ['an empty list of users is none', '05 02 02 00', new Map(), '0500'],
    ['method 2 alone without users', '05 01 02', open, '0502'],
    ['GSSAPI alone', '05 01 01', open, '05ff'],
    ['no method at all', '05 00', open, '05ff'],
    ['method 2 with users', '05 03 00 01 02', USERS, '0502'],
    ['method 0 alone with users', '05 01 00', USERS, '05ff'],
    ['no method at all with users', '05 00', USERS, '05ff'],
    ['255 methods, the last one good', `05 ff ${'80'.repeat(254)} 00`, open, '0500'],
  ]
  for (const [name, greeting, users, sent] of cases) {
    const course = converse([hex(greeting)], users)
    t.equal(course.sent, sent, name)
    t.equal(course.end.startsWith('failed'), sent === '05ff', name)
  }
  t.match(converse([NO_AUTH], USERS).end, /SOCKS5User/, 'the reason says what the client lacks')
})

t.test('a user is found in any case, a password only as it is', async t => {
  const long = { user: 'u'.repeat(255), password: 'p'.repeat(255) }
  const users = new Map([...USERS, ...usersOf({ [long.user]: long.password })])
  const good: [user: string | Buffer, password: string | Buffer][] = [
    ['alice', 'S3cret'],
    ['ALICE', 'S3cret'],
    ['JÜRGEN', 'geh€im'],
    [Buffer.from('JÜRGEN', 'latin1'), 'geh€im'],
    ['umlaut', Buffer.from('ß', 'latin1')],
    ['empty', ''],
    [long.user, long.password],
  ]
  const bad: [user: string | Buffer, password: string | Buffer][] = [
    ['alice', 's3cret'],
    ['alice', 'S3cre'],
    ['alice', 'S3cret '],
    ['alice', ''],
    ['alice ', 'S3cret'],
    ['bob', 'S3cret'],
    ['bob', ''],
    ['', ''],
    [long.user, long.password.replace(/p$/, 'q')],
  ]
  for (const [user, password] of good) {
    const course = converse([BY_PASSWORD, logon(user, password)], users)
    t.same(course, { sent: '05020100', end: 'waiting' }, `${String(user)} is let in`)
  }
  for (const [user, password] of bad) {
    const course = converse([BY_PASSWORD, logon(user, password), connectTo('a', 80)], users)
    t.equal(course.sent, '050201ff', `${String(user)} is kept out`)
    t.match(course.end, /^failed: .*SOCKS5User/)
    t.notMatch(course.end, /s3cre/i, 'the reason does not tell the password')
  }
})

t.test('without users any user and password will do', async t => {
  for (const users of [undefined, usersOf({})]) {
    const course = converse([BY_PASSWORD, logon('who', 'ever'), connectTo('a', 80)], users)
    t.same(course, { sent: '05020100', end: 'connect a 80, then ""' })
  }
})

t.test('every message may be cut anywhere', async t => {
  const leftover = Buffer.from('\x16\x03\x01')
  const v4 = hex('05 01 00 01 c0 00 02 07 01 bb')
  const v6 = hex('05 01 00 04 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01 01 bb')
  const domain = connectTo('www.example.com', 443)
  const cases: [name: string, messages: Buffer[], users?: ReadonlyMap<string, Secret<string>>][] = [
    ['IPv4', [hex('05 02 00 02'), v4, leftover]],
    ['IPv6', [NO_AUTH, v6, leftover]],
    ['a domain name', [NO_AUTH, domain, leftover]],
    ['a user', [BY_PASSWORD, logon('Alice', 'S3cret'), domain, leftover], USERS],
    ['a wrong password', [BY_PASSWORD, logon('alice', 'wrong'), domain], USERS],
    ['a logon of another version', [BY_PASSWORD, hex('05 01 61 01 62'), domain], USERS],
    ['no method', [hex('05 02 01 03'), domain]],
    ['BIND', [NO_AUTH, hex('05 02 00 01 c0 00 02 07 01 bb'), leftover]],
    ['an unknown address type', [NO_AUTH, hex('05 01 00 02 c0 00 02 07 01 bb')]],
    ['port 0', [NO_AUTH, hex('05 01 00 01 c0 00 02 07 00 00')]],
    ['SOCKS4', [hex('04 01 01 bb c0 00 02 07 00')]],
    ['HTTP', [Buffer.from('CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n')]],
  ]
  for (const [name, messages, users] of cases) {
    const whole = Buffer.concat(messages)
    const expected = converse(messages, users)
    t.not(expected.end, 'waiting', name)
    const cuts = Array.from(whole, (_, at) => [whole.subarray(0, at), whole.subarray(at)])
    const bytes = Array.from(whole, byte => Buffer.from([byte]))
    for (const segments of [[whole], bytes, ...cuts]) {
      t.same(converse(segments, users), expected, `${name}, first ${segments[0]?.length}`)
    }
  }
})

t.test('what follows the request is for the target', async t => {
  const handshake = new SocksHandshake({ users: undefined })
  const hello = Buffer.alloc(2000, 'x')
  t.same(handshake.push(Buffer.concat([NO_AUTH, connectTo('a', 443), hello])), [
    { kind: 'send', bytes: hex('05 00') },
    { kind: 'connect', target: { host: 'a', port: 443 }, leftover: hello },
  ])
  t.throws(() => handshake.push(hello), { code: 'BUG' })
})

t.test('what follows a failure is ignored', async t => {
  const handshake = new SocksHandshake({ users: undefined })
  t.match(handshake.push(hex('05 00')), [{ kind: 'failed' }])
  t.same(handshake.push(Buffer.concat([NO_AUTH, connectTo('a', 443)])), [])
})

t.test('a client that speaks something else is told so', async t => {
  const cases: [name: string, bytes: Buffer, reply: RegExp, reason: RegExp][] = [
    ['SOCKS4', hex('04 01 00 50'), /^005b000000000000$/, /SOCKS4/],
    ['HTTP', Buffer.from('GET http://a/'), /^485454502f312e31/, /SOCKS5, not HTTP/],
    ['TLS', hex('16 03 01'), /^$/, /first byte is 0x16/],
    ['nothing known', hex('00'), /^$/, /first byte is 0x00/],
  ]
  for (const [name, bytes, reply, reason] of cases) {
    const steps = new SocksHandshake({ users: USERS }).push(bytes)
    t.match(steps, [{ kind: 'failed', reason }], name)
    t.match(converse([bytes], USERS).sent, reply, name)
  }
})

t.test('the HTTP refusal is a whole message', async t => {
  const [step] = new SocksHandshake({ users: undefined }).push(
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
  )
  const [head = '', body = ''] =
    step?.kind === 'failed' ? step.reply.toString('latin1').split('\r\n\r\n') : []
  t.match(head, /^HTTP\/1\.1 400 Bad Request\r\n/)
  t.match(body, /SOCKS5, not HTTP/)
  t.match(head, new RegExp(`\r\nContent-Length: ${body.length}\r\n`))
  t.match(head, /\r\nConnection: close\r\nProxy-Status: tsntlm; error=http_request_error$/)
})

t.test('inspecting a handshake shows no password', async t => {
  const handshake = new SocksHandshake({ users: USERS })
  handshake.push(Buffer.concat([BY_PASSWORD, logon('alice', 'S3cret').subarray(0, -1)]))
  const shown = inspect(handshake, { depth: 9, showHidden: true })
  t.notMatch(shown, /S3cre|53 33 63/)
})
