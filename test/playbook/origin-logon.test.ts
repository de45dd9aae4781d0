import t from 'tap'
import type { Config } from '../../src/config/index.ts'
import { describeToken } from '../../src/demo/connection-gate.ts'
import { fieldValues } from '../harness/content.ts'
import {
  ALICE,
  BOB,
  ntlmOrigin,
  type NtlmOriginOptions,
  ntlmProxy,
  openProxy,
  Playbook,
  PROXY,
} from '../harness/playbook.ts'
import type { Script } from '../harness/scripted-upstream.ts'

type Test = Pick<typeof t, 'teardown'>

const URL = 'http://intra.corp/page'
const CLIENT_BASIC = 'Authorization: Basic '

function basic({ user, password }: { user: string; password: string }): string {
  return CLIENT_BASIC + Buffer.from(`DEMO\\${user}:${password}`).toString('base64')
}

interface StartOptions {
  readonly origin?: NtlmOriginOptions
  readonly script?: Script
  readonly config?: Partial<Config>
  readonly password?: string
}

function start(test: Test, { origin, script, config, password }: StartOptions = {}): Playbook {
  return new Playbook(test, {
    hosts: { [PROXY]: ntlmProxy(), 'intra.corp:80': script ?? ntlmOrigin(origin) },
    config: { domain: 'DEMO', noProxy: ['*.corp'], ...config },
    ...(password === undefined ? {} : { password }),
  })
}

function post(length: number, fields = ''): string {
  return `POST ${URL} HTTP/1.1\nHost: intra.corp\nContent-Length: ${length}${fields}`
}

t.test('a web server that demands NTLM gets the account of the configuration', async t => {
  const book = start(t)
  t.match(await book.get(URL), { status: 200, text: 'GET /page 0\n' })
  t.same(book.requests, ['GET', 'GET type 1', 'GET type 3'])
  t.match(await book.get(URL), { status: 200 })
  t.same(book.requests.slice(3), ['GET'], 'the connection is logged on')
  book.connections[0]?.end()
  await book.settle()
  t.match(await book.get(URL), { status: 200 })
  t.same(book.requests.slice(4), ['GET type 1', 'GET type 3'], 'now it is known to demand that')
  t.notMatch(book.connections[0]?.heads.join(), /Proxy-Authorization/)
})

t.test('a small body goes along and is sent again, without any probe', async t => {
  const book = start(t)
  t.match(await book.client().request(post(4), 'body'), { status: 200, text: 'POST /page 4\n' })
  t.same(book.requests, ['POST', 'POST type 1', 'POST type 3'])
})

t.test('a large body is asked for first, and sent once', async t => {
  const size = 300_000
  const book = start(t, { origin: { knowsExpect: true } })
  const answer = await book.client().request(post(size), 'x'.repeat(size))
  t.match(answer, { status: 200, text: `POST /page ${size}\n` })
  t.same(book.requests, ['POST', 'POST type 1', 'POST type 3'])
  t.match(book.connections[0]?.heads[0], /\r\nExpect: 100-continue/)
})

t.test('an origin that does not know Expect gets the body after a second', async t => {
  const size = 300_000
  const book = start(t, { script: openProxy() })
  const answer = book.client().request(post(size), 'x'.repeat(size))
  t.match(await book.passUntil(answer), { status: 200, text: `POST /page ${size}\n` })
  t.match(
    await book.client().request(post(size), 'x'.repeat(size)),
    { status: 200 },
    'then it is known to be open, and not asked again',
  )
})

t.test('a body is never sent ahead to a path that was not asked about', async t => {
  const bodies: number[] = []
  const book = start(t, {
    origin: {
      demandsFor: target => target === '/locked',
      serve: (conn, { body }) => {
        bodies.push(body.length)
        conn.respond('200 OK')
      },
    },
  })
  t.match(await book.get('http://intra.corp/locked'), { status: 200 })
  book.connections[0]?.end()
  await book.settle()
  t.match(await book.client().request(post(4), 'body'), { status: 200 })
  t.same(bodies, [0, 4], 'the open path executed the request once, with its body')
})

t.test('a connection that ends with the demand is replaced', async t => {
  const book = start(t, { origin: { closesOnDemand: true } })
  t.match(await book.get(URL), { status: 200 })
  t.match(await book.client().request(post(4), 'body'), { status: 200, text: 'POST /page 4\n' })
})

t.test('an origin that breaks off handshakes is tried again after a minute', async t => {
  let isBroken = true
  const sound = ntlmOrigin()
  const broken: Script = async conn => {
    await conn.nextHead()
    conn.respond('401 Unauthorized', '', ['WWW-Authenticate: NTLM'])
    await conn.nextHead()
    conn.respond('401 Unauthorized', '', ['WWW-Authenticate: NTLM', 'Connection: close'])
    conn.end()
  }
  const book = start(t, { script: async conn => (isBroken ? broken(conn) : sound(conn)) })
  t.match(await book.get(URL), { status: 401 }, 'its demand goes to the client in the end')
  isBroken = false
  t.match(await book.get(URL), { status: 401 })
  await book.pass(60_000)
  t.match(await book.get(URL), { status: 200 })
})

t.test('an origin that answers the first step of a logon with an error is heard', async t => {
  const script: Script = async conn => {
    for (let head = await conn.nextHead(); head !== undefined; head = await conn.nextHead()) {
      await conn.readContent(head)
      const isBare = fieldValues(head, 'authorization').length === 0
      if (isBare) conn.respond('401 Unauthorized', 'log on', ['WWW-Authenticate: NTLM'])
      else conn.respond('400 Bad Request')
    }
  }
  const book = start(t, { script })
  t.match(await book.client().request(post(4), 'body'), { status: 401, text: 'log on' })
})

t.test('a page that the account has no right to is no wrong password', async t => {
  const book = start(t, { origin: { forbids: true } })
  t.match(await book.get('http://other.test/'), { status: 200 })
  const answer = await book.get(URL)
  t.match(answer, { status: 401, text: 'log on' })
  t.same(answer.values('WWW-Authenticate'), ['NTLM', 'Basic realm="intra.corp:80"'])
  t.equal(book.recorder.count('origin.denied'), 1)
  const shown = book.type3s
  for (let round = 0; round < 4; round++) t.match(await book.get(URL), { status: 401 })
  t.equal(book.type3s, shown, 'it is not sent there again')
  t.match(await book.get('http://other.test/'), { status: 200 })
  t.equal(book.recorder.count('guard.tripped'), 0)
  await book.pass(30 * 60_000 + 1)
  await book.get(URL)
  t.equal(book.type3s, shown + 1)
})

t.test('several origins that refuse do not go on counting against the account', async t => {
  const forbidding = ntlmOrigin({ forbids: true })
  const book = start(t)
  for (let i = 0; i < 6; i++) book.hosts[`deny${i}.corp:80`] = forbidding
  t.match(await book.get('http://other.test/'), { status: 200 })
  const before = book.type3s
  for (let i = 0; i < 6; i++) t.match(await book.get(`http://deny${i}.corp/`), { status: 401 })
  t.equal(book.type3s, before + 1, 'one: a second one would take the last place')
  t.match(await book.get('http://other.test/'), { status: 200 }, 'which is left for upstreams')
})

t.test('the refusal of an origin does not keep an unproven password from upstreams', async t => {
  const book = start(t, { password: 'wrong' })
  t.match(await book.get(URL), { status: 401 })
  t.equal(book.recorder.count('guard.tripped'), 0)
  t.match(await book.get(URL), { status: 401 })
  t.equal(book.type3s, 1)
  t.match(await book.get('http://other.test/'), { status: 502, text: /AUTH_REJECTED/ })
  t.match(await book.get('http://other.test/'), { status: 502, text: /AUTH_LOCKED_OUT/ })
  t.equal(book.type3s, 2)
})

t.test('OriginLogon no leaves the demand to the client', async t => {
  const book = start(t, { config: { originLogon: false } })
  const answer = await book.get(URL)
  t.same([answer.status, answer.values('WWW-Authenticate')], [401, ['NTLM']])
  t.same(answer.values('Proxy-Support'), ['Session-Based-Authentication'])
  t.equal(book.type3s, 0)
})

t.test("a client's Basic credentials log on by NTLM and are never sent as they are", async t => {
  const book = start(t, { origin: { others: ['Basic realm="x"'] } })
  t.match(await book.get(URL, [basic(BOB)]), { status: 200 })
  t.match(await book.get(URL, [basic(BOB)]), { status: 200 })
  t.same(book.requests, ['GET', 'GET type 1', 'GET type 3', 'GET'])
  for (const { heads } of book.connections) for (const head of heads) t.notMatch(head, /Basic/)
  t.match(await book.get(URL), { status: 200 })
  t.equal(book.connections.length, 2, 'the account of the configuration has its own connection')
  const wrong = await book.get(URL, [basic({ ...BOB, password: 'guess' })])
  t.match(wrong, { status: 401 })
  t.equal(book.recorder.count('client.rejected'), 0, 'it may be a matter of rights')
  t.equal(book.recorder.count('origin.denied'), 1)
})

/** A web server that knows Basic alone, for some paths. */
function basicOrigin(needs: boolean): Script {
  return openProxy((conn, { head }) => {
    const field = fieldValues(head, 'authorization')[0]
    if (needs && field === undefined)
      conn.respond('401 Unauthorized', 'who?', ['WWW-Authenticate: Basic realm="x"'])
    else conn.respond('200 OK', field ?? 'nobody')
  })
}

t.test("a client's Basic credentials go out in clear text once they are asked for", async t => {
  const book = start(t, { script: basicOrigin(true) })
  const value = basic(ALICE).slice('Authorization: '.length)
  t.match(await book.get(URL, [basic(ALICE)]), { status: 200, text: value })
  t.same(book.requests, ['GET', 'GET'])
  t.match(await book.get(URL, [basic(ALICE)]), { status: 200, text: value })
  t.same(book.requests, ['GET', 'GET', 'GET'], 'from then on at once')
  const send = `${post(4)}\n${basic(ALICE)}`
  t.match(await book.client().request(send, 'body'), { status: 200, text: value })
  const open = start(t, { script: basicOrigin(false) })
  t.match(await open.get(URL, [basic(ALICE)]), { status: 200, text: 'nobody' })
  const always = start(t, { script: basicOrigin(false), config: { originBasic: 'always' } })
  t.match(await always.get(URL, [basic(ALICE)]), { status: 200, text: value })
})

t.test('who logs on to an origin itself has a connection of its own for it', async t => {
  const seen: [number, string][] = []
  const note = (number: number, head: string): void => {
    const field = fieldValues(head, 'authorization')[0]
    seen.push([number, field === undefined ? 'nothing' : describeToken(field)])
  }
  const script: Script = async conn => {
    for (let head = await conn.nextHead(); head !== undefined; head = await conn.nextHead()) {
      note(conn.number, head)
      conn.respond('200 OK', `${conn.number}`)
    }
  }
  const type1 = 'Authorization: NTLM TlRMTVNTUAABAAAAB4IIAAAAAAAAAAAAAAAAAAAAAAA='
  const request = (field: string): string =>
    `GET ${URL} HTTP/1.1\nHost: intra.corp${field === '' ? '' : `\n${field}`}`
  for (const direct of [true, false]) {
    const book = start(t, { script, config: { noProxy: direct ? ['*.corp'] : [] } })
    if (!direct)
      book.hosts[PROXY] = ntlmProxy({
        serve: (conn, { head }) => {
          note(conn.number, head)
          conn.respond('200 OK', `${conn.number}`)
        },
      })
    seen.length = 0
    const [one, other] = [book.client(), book.client()]
    const first = await one.request(request(type1))
    const others = [await other.request(request('')), await other.request(request(''))]
    for (const answer of others) t.not(answer.text, first.text)
    t.equal((await one.request(request(type1))).text, first.text)
    t.equal((await one.request(request(''))).text, first.text, 'also without a field')
    const open = book.connections.length
    one.destroy()
    await book.settle()
    t.equal((await other.request(request(''))).text, others[0]?.text)
    t.equal(book.connections.length, open)
    t.equal(await book.connections[Number(first.text) - 1]?.closed(), 'end', 'gone with its client')
  }
})
