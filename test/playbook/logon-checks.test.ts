import t from 'tap'
import { getRequest, ntlmProxy, Playbook, PROXY } from '../harness/playbook.ts'
import type { Script, ScriptedConnection } from '../harness/scripted-upstream.ts'

const URL = 'http://site.test/'
const CONNECT = 'CONNECT site.test:443 HTTP/1.1\nHost: site.test:443'
const POST = `POST ${URL} HTTP/1.1\nHost: site.test\nContent-Length: 3`

/** Deals with checks in a way of its own, and is an ordinary proxy to everything else. */
function withChecks(answer: (conn: ScriptedConnection) => unknown, closes = false): Script {
  return async conn => {
    const respond = conn.respond.bind(conn)
    const demand = conn.demand.bind(conn)
    const isCheck = (): boolean => (conn.heads.at(-1) ?? '').includes('255.255.255.255')
    conn.respond = (status, ...rest) => void (isCheck() ? answer(conn) : respond(status, ...rest))
    conn.demand = async how => {
      if (isCheck()) return void (await answer(conn))
      const isBare = !/^Proxy-Authorization/m.test(conn.heads.at(-1) ?? '')
      await demand(closes && isBare ? { ...how, connectionLines: ['Connection: close'] } : how)
      if (closes && isBare) conn.end()
    }
    await ntlmProxy()(conn)
  }
}

async function ask(book: Playbook, kind: string) {
  const client = book.client()
  if (kind === 'GET') return book.passUntil(client.request(getRequest(URL)))
  if (kind === 'CONNECT') return book.passUntil(client.request(CONNECT))
  return book.passUntil(client.request(POST, 'abc'))
}

t.test('no proxy owes an answer to a logon check', async t => {
  const write = (conn: ScriptedConnection, status: string): void =>
    conn.write(`HTTP/1.1 ${status}\r\nContent-Length: 2\r\n\r\nno`)
  const answers: Record<string, (conn: ScriptedConnection) => unknown> = {
    'refuses it': conn => write(conn, '403 Forbidden'),
    'refuses it and closes': conn => {
      conn.write('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      conn.end()
    },
    'serves it': conn => write(conn, '200 OK'),
    'fails to reach its target': conn => write(conn, '503 Service Unavailable'),
    'resets it': conn => conn.reset(),
    'closes on it': conn => conn.end(),
    'leaves it unanswered': conn => conn.hold(),
  }
  for (const [name, answer] of Object.entries(answers)) {
    for (const closes of [false, true]) {
      for (const kind of ['GET', 'CONNECT', 'POST']) {
        const label = `${name}${closes ? ', closes after its demand' : ''}: ${kind}`
        const book = new Playbook(t, { hosts: { [PROXY]: withChecks(answer, closes) } })
        t.match(await ask(book, kind), { status: 200 }, label)
        t.equal(book.type3s, 1, label)
        t.equal(book.recorder.count('upstream.down'), 0, `${label}: it is not marked down for it`)
        const checks = book.requests.filter(text => text.startsWith('check')).length
        t.match(await ask(book, kind), { status: 200 }, label)
        t.match(await ask(book, kind), { status: 200 }, label)
        const again = book.requests.filter(text => text.startsWith('check')).length
        t.equal(again, checks, `${label}: it is asked once`)
        book.destroy()
      }
    }
  }
})

t.test('where checks are no use, a wrong password costs one logon, and no second one', async t => {
  const forbid = (conn: ScriptedConnection): void =>
    conn.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno')
  const book = new Playbook(t, { hosts: { [PROXY]: withChecks(forbid) }, password: 'wrong' })
  t.match(await book.get(URL), { status: 403, text: /UPSTREAM_DENIED/ })
  t.match(await book.get(URL), { status: 403 }, 'the target may be the reason')
  t.equal(book.type3s, 1)
  t.match(await book.get('http://other.test/'), { status: 502, text: /AUTH_REJECTED/ })
  t.match(await book.get('http://third.test/'), { status: 502, text: /AUTH_LOCKED_OUT/ })
  t.equal(book.type3s, 2, 'which another target decides, within the budget')
})

t.test('LogonCheck off sends none, and a URL is asked instead', async t => {
  const off = new Playbook(t, { hosts: { [PROXY]: ntlmProxy() }, config: { logonCheck: 'off' } })
  t.match(await off.get(URL), { status: 200 })
  t.same(off.requests, ['GET', 'GET type 1', 'GET type 3'])

  const logonCheck = 'http://intranet.test/ping'
  const headers = [{ name: 'User-Agent', value: 'Mozilla/5.0 corp' }]
  const config = { logonCheck, headers }
  const named = new Playbook(t, { hosts: { [PROXY]: ntlmProxy() }, config })
  t.match(await named.get(URL), { status: 200 })
  const heads = named.connections.flatMap(conn => conn.heads)
  t.equal(heads.filter(head => head.startsWith(`GET ${logonCheck} `)).length, 2)
  for (const head of heads) t.match(head, /\r\nUser-Agent: Mozilla\/5\.0 corp/)
})

t.test('sites that need no logon are served while the password is rejected', async t => {
  const exempting: Script = async conn => {
    const demand = conn.demand.bind(conn)
    conn.demand = async how => {
      if (/ http:\/\/free\./.test(conn.heads.at(-1) ?? '')) conn.respond('200 OK', 'free\n')
      else await demand(how)
    }
    await ntlmProxy()(conn)
  }
  const book = new Playbook(t, { hosts: { [PROXY]: exempting }, password: 'wrong' })
  t.match(await book.get('http://free.test/'), { text: 'free\n' })
  t.equal(book.type3s, 0, 'the first request there costs no logon')
  t.match(await book.get(URL), { status: 502, text: /AUTH_REJECTED/ })
  t.match(await book.get('http://free.test/'), { text: 'free\n' })
  const post = 'POST http://free.test/ HTTP/1.1\nHost: free.test\nContent-Length: 3'
  t.match(await book.client().request(post, 'abc'), { text: 'free\n' })
  t.match(await book.get(URL), { status: 502, text: /AUTH_LOCKED_OUT/ })
  t.equal(book.type3s, 1)
})

t.test(
  'an upstream that asks again on kept connections gets large bodies on fresh ones',
  async t => {
    const forgetful: Script = async conn => {
      let left = 3
      const forget: Script = ntlmProxy({
        serve: (same, { head, body }) => {
          same.respond('200 OK', `${head.split(' ')[0]} ${body.length}\n`)
          return --left > 0
        },
      })
      conn.end = () => undefined
      while (!conn.socket.destroyed && conn.socket.readable) {
        left = 3
        await forget(conn)
        const head = await conn.nextHead()
        if (head === undefined) return
        await conn.readContent(head)
        await conn.demand()
      }
    }
    const book = new Playbook(t, { hosts: { [PROXY]: forgetful } })
    const upload = async () => {
      const long = 'x'.repeat(100_000)
      const head = `PUT ${URL} HTTP/1.1\nHost: site.test\nContent-Length: ${long.length}`
      return book.passUntil(book.client().request(head, long))
    }
    const statuses: number[] = []
    for (let round = 0; round < 12; round++) {
      await book.passUntil(book.get(URL))
      statuses.push((await upload()).status)
    }
    t.ok(
      statuses.filter(status => status === 502).length <= 1,
      `learnt at once: ${statuses.join(' ')}`,
    )
    t.same(new Set(statuses.slice(4)), new Set([200]))
  },
)

t.test('an upstream that offers Kerberos alone is told by what it offers', async t => {
  const kerberos: Script = async conn => {
    while ((await conn.nextHead()) !== undefined) await conn.demand({ schemes: ['Negotiate'] })
  }
  const book = new Playbook(t, { hosts: { [PROXY]: kerberos } })
  t.match(await book.get(URL), {
    status: 502,
    text: /AUTH_NOT_OFFERED/,
  })
  t.equal(book.type3s, 0)
})

t.test('a proxy that asks for a logon as a web server does is told once', async t => {
  const transparent: Script = async conn => {
    while ((await conn.nextHead()) !== undefined)
      conn.respond('401 Unauthorized', 'log on\n', ['WWW-Authenticate: NTLM'])
  }
  const book = new Playbook(t, { hosts: { [PROXY]: transparent } })
  t.match(await book.get(URL), { status: 401 })
  t.match(await book.get(URL), { status: 401 })
  t.match(book.recorder.all('upstream.asksAsOrigin'), [{ upstream: PROXY }])
})
