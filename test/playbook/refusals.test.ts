import t from 'tap'
import { ALICE, getRequest, ntlmProxy, Playbook, PROXY } from '../harness/playbook.ts'
import type { RawResponse } from '../harness/http-client.ts'
import type { Script, ScriptedConnection } from '../harness/scripted-upstream.ts'

const GOOD = 'http://good.test/'
const BLOCKED = 'http://blocked.test/'
const [FIRST, SECOND] = ['proxy-a.test:1', 'proxy-b.test:2']
const MINUTE = 60_000

/** Squid with `http_access deny blocked !group`: the account is right, and the answer for some targets is a 407 all the same. */
function withPolicy(isBlocked = (head: string): boolean => head.includes('blocked.test')): Script {
  return async conn => {
    const inner: Script = ntlmProxy({
      serve: async (same, { head, body }) => {
        if (isBlocked(head)) await same.demand()
        else same.respond('200 OK', `${head.split(' ')[0]} ${body.length}\n`)
      },
    })
    await inner(conn)
  }
}

/** Its domain controller is out of reach while `isOut`: it refuses everybody who logs on, after a while. */
function losingItsDirectory(state: {
  isOut: boolean
  wait?: (conn: ScriptedConnection) => unknown
}): Script {
  return async conn => {
    const respond = conn.respond.bind(conn)
    conn.respond = (status, ...rest) => {
      const isVerdict = /^Proxy-Authorization/m.test(conn.heads.at(-1) ?? '')
      if (!state.isOut || !isVerdict) return respond(status, ...rest)
      void (async () => {
        await state.wait?.(conn)
        await conn.demand()
      })()
    }
    await ntlmProxy()(conn)
  }
}

async function ask(book: Playbook, kind: string, host: string) {
  const client = book.client()
  if (kind === 'GET') return book.passUntil(client.request(getRequest(`http://${host}/`)))
  if (kind === 'CONNECT')
    return book.passUntil(client.request(`CONNECT ${host}:443 HTTP/1.1\nHost: ${host}:443`))
  const post = `POST http://${host}/ HTTP/1.1\nHost: ${host}\nContent-Length: 3`
  return book.passUntil(client.request(post, 'abc'))
}

t.test('a target that the upstream denies with 407 is a 403 for its client alone', async t => {
  for (const kind of ['GET', 'CONNECT', 'POST']) {
    for (const isFirst of [false, true]) {
      const label = `${kind}${isFirst ? ', as the first request' : ''}`
      const book = new Playbook(t, { hosts: { [PROXY]: withPolicy() } })
      if (!isFirst) t.match(await ask(book, kind, 'good.test'), { status: 200 }, label)
      const answer = await ask(book, kind, 'blocked.test')
      t.match(
        answer,
        { status: 403, text: /does not allow DEMO\\alice to reach blocked\.test/ },
        label,
      )
      t.match(answer.values('Proxy-Status'), [/^tsntlm; error=http_request_denied; details=/])
      for (let i = 0; i < 5; i++)
        t.match(await ask(book, kind, 'good.test'), { status: 200 }, label)
      t.equal(book.recorder.count('guard.tripped'), 0, label)
      t.equal(book.recorder.count('upstream.down'), 0, label)
      t.equal(book.generation.guard?.status.state, 'proven', label)
      book.destroy()
    }
  }
})

t.test('a blocked site that is asked for all the time costs the account nothing', async t => {
  const book = new Playbook(t, { hosts: { [PROXY]: withPolicy() } })
  t.match(await book.get(GOOD), { status: 200 })
  t.match(await book.passUntil(book.get(BLOCKED)), { status: 403 })
  const sent = book.type3s
  for (let round = 0; round < 20; round++) {
    const asked = [BLOCKED, GOOD, BLOCKED, GOOD].map(url => book.get(url))
    const answers = await book.passUntil(Promise.all(asked))
    t.same(
      answers.map(({ status }) => status),
      [403, 200, 403, 200],
    )
  }
  const rejected = book.type3s - sent
  t.ok(rejected <= 25, `${rejected} logons, each for a session that was made`)
  t.equal(book.recorder.count('guard.tripped'), 0)
})

t.test('a target that is allowed again is served at once', async t => {
  let isBlocked = true
  const hosts = { [PROXY]: withPolicy(head => isBlocked && head.includes('blocked.test')) }
  const book = new Playbook(t, { hosts })
  t.match(await book.passUntil(book.get(BLOCKED)), { status: 403 })
  isBlocked = false
  t.match(await book.passUntil(book.get(BLOCKED)), { status: 200 })
})

t.test('an upstream that has lost its domain controller is told from a bad password', async t => {
  const state = { isOut: false }
  const book = new Playbook(t, {
    hosts: { [FIRST]: losingItsDirectory(state), [SECOND]: ntlmProxy() },
  })
  t.match(await book.get(GOOD), { status: 200 })
  state.isOut = true
  for (const { socket } of book.connections) socket.destroy()
  await book.settle()
  const answers = await book.passUntil(Promise.all([1, 2, 3, 4].map(() => book.get(GOOD))))
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]), 'the other one serves')
  t.equal(book.recorder.count('guard.tripped'), 0)
  t.match(book.recorder.all('upstream.logonsFail'), [{ upstream: FIRST }])
  const before = book.type3s
  for (let i = 0; i < 5; i++) t.match(await book.get(GOOD), { status: 200 })
  t.ok(book.type3s - before <= 5, 'the first one is left alone for a while')

  state.isOut = false
  await book.pass(MINUTE)
  for (const { socket } of book.connections) socket.destroy()
  await book.settle()
  t.match(await book.passUntil(book.get(GOOD)), { status: 200 })
  t.equal(book.recorder.all('request.finished').at(-1)?.record.upstream, FIRST)
  t.equal(book.recorder.count('upstream.logonsWork'), 1)
})

t.test('a password that was changed is rejected with two upstreams as with one', async t => {
  const accounts = { now: [ALICE] }
  const script: Script = conn => ntlmProxy({ accounts: accounts.now })(conn)
  const book = new Playbook(t, { hosts: { [FIRST]: script, [SECOND]: script } })
  t.match(await book.get(GOOD), { status: 200 })
  accounts.now = [{ ...ALICE, password: 'changed' }]
  for (const { socket } of book.connections) socket.destroy()
  await book.settle()
  const before = book.type3s
  const answers = await book.passUntil(
    Promise.all(Array.from({ length: 30 }, (_, i) => ask(book, 'CONNECT', `site${i}.test`))),
  )
  t.same(new Set(answers.map(({ status }) => status)), new Set([502]))
  t.equal(book.type3s - before, 2)
  t.equal(book.recorder.count('guard.tripped'), 1)
  t.equal(book.recorder.count('upstream.logonsFail'), 0, 'no upstream is blamed')
})

t.test('a refusal that comes late is an outage, which ends by itself', async t => {
  const state: Parameters<typeof losingItsDirectory>[0] = { isOut: false }
  const book = new Playbook(t, { hosts: { [PROXY]: losingItsDirectory(state) } })
  state.wait = async () => {
    const until = book.clock.now() + 10_000
    while (book.clock.now() < until) await new Promise(resolve => setImmediate(resolve))
  }
  t.match(await book.get(GOOD), { status: 200 })
  state.isOut = true
  for (const { socket } of book.connections) socket.destroy()
  await book.settle()
  t.match(await book.passUntil(book.get(GOOD)), { status: 504, text: /AUTH_UNANSWERED/ })
  t.match(await book.get(GOOD), { status: 502, text: /AUTH_LOCKED_OUT/ })
  state.isOut = false
  await book.pass(2 * MINUTE)
  t.match(await book.passUntil(book.get(GOOD)), { status: 200 })
  t.equal(book.recorder.count('guard.tripped'), 0)
})

t.test('a target that answers slowly holds up nobody else', async t => {
  const serve = async (conn: ScriptedConnection, { head }: { head: string }) => {
    if (head.includes('slow.test')) await conn.hold()
    else conn.respond('200 OK', 'in\n')
  }
  const book = new Playbook(t, { hosts: { [PROXY]: ntlmProxy({ serve }) } })
  t.match(await book.get(GOOD), { status: 200 })
  for (const { socket } of book.connections) socket.destroy()
  await book.settle()
  const slow = [1, 2].map(i => book.get(`http://slow.test/${i}`))
  for (const each of slow) each.catch(() => undefined)
  await book.settle()
  const startedAt = book.clock.now()
  const answers = await book.passUntil(Promise.all([1, 2, 3].map(() => book.get(GOOD))))
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  t.ok(book.clock.now() - startedAt <= 5_000, `${book.clock.now() - startedAt} ms`)
})

t.test(
  'a target that never answers holds up nobody else, neither when its time is over',
  async t => {
    const serve = async (conn: ScriptedConnection, { head }: { head: string }) => {
      if (head.includes('slow.test')) await conn.hold()
      else conn.respond('200 OK', 'in\n')
    }
    for (const isBusy of [false, true]) {
      for (const leaves of [false, true]) {
        const book = new Playbook(t, { hosts: { [PROXY]: ntlmProxy({ serve }) } })
        t.match(await book.get(GOOD), { status: 200 })
        for (const { socket } of book.connections) socket.destroy()
        await book.settle()
        const slow = book.client()
        slow.send(`${getRequest('http://slow.test/').replaceAll('\n', '\r\n')}\r\n\r\n`)
        await book.settle()
        if (isBusy) t.match(await book.passUntil(book.get(GOOD)), { status: 200 })
        if (leaves) slow.socket.resetAndDestroy()
        await book.pass(15 * MINUTE + 1_000)
        for (const { socket } of book.connections) socket.destroy()
        await book.settle()
        const startedAt = book.clock.now()
        t.match(await book.passUntil(book.get(GOOD)), { status: 200 })
        t.ok(book.clock.now() - startedAt <= 1_000, `${book.clock.now() - startedAt} ms`)
        t.equal(book.recorder.count('guard.held'), 0)
      }
    }
  },
)

t.test('where another upstream is there, nobody waits for a verdict for long', async t => {
  const mute: { isMute: boolean } = { isMute: false }
  const script: Script = async conn => {
    const respond = conn.respond.bind(conn)
    conn.respond = (...args) => {
      const isVerdict = /^Proxy-Authorization/m.test(conn.heads.at(-1) ?? '')
      if (!mute.isMute || !isVerdict) respond(...args)
    }
    await ntlmProxy()(conn)
  }
  const book = new Playbook(t, { hosts: { [FIRST]: script, [SECOND]: ntlmProxy() } })
  t.match(await book.get(GOOD), { status: 200 })
  mute.isMute = true
  for (const { socket } of book.connections) socket.destroy()
  await book.settle()
  const startedAt = book.clock.now()
  const answers = await book.passUntil(Promise.all(Array.from({ length: 8 }, () => book.get(GOOD))))
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  t.ok(book.clock.now() - startedAt <= 16_000, `${book.clock.now() - startedAt} ms`)
  t.equal(book.recorder.count('guard.tripped'), 0)
  t.equal(book.generation.guard?.status.state, 'proven')
})

t.test(
  'an upstream that leaves logons unanswered gets none that another one can answer',
  async t => {
    for (const warm of ['off', 'authenticated'] as const) {
      const state = { isOut: false, wait: () => new Promise(() => undefined) }
      const book = new Playbook(t, {
        hosts: { [FIRST]: losingItsDirectory(state), [SECOND]: ntlmProxy() },
        config: { warm },
      })
      for (let round = 0; round < 4; round++) await ask(book, 'CONNECT', 'good.test')
      state.isOut = true
      const answers: Promise<RawResponse>[] = []
      for (let second = 0; second < 90; second++) {
        for (const kind of ['CONNECT', 'GET', 'POST']) answers.push(ask(book, kind, 'good.test'))
        await book.pass(1_000)
      }
      const statuses = (await Promise.all(answers)).map(({ status }) => status)
      t.strictSame(new Set(statuses), new Set([200]), `Warm ${warm}`)
      t.equal(book.recorder.count('guard.held'), 0)
    }
  },
)

t.test(
  'where all upstreams are slow, requests wait for a logon and are not sent to and fro',
  async t => {
    const slow = { ms: 0 }
    const script: Script = async conn => {
      const respond = conn.respond.bind(conn)
      conn.respond = (...args) => {
        const isVerdict = /^Proxy-Authorization/m.test(conn.heads.at(-1) ?? '')
        if (!isVerdict || slow.ms === 0) respond(...args)
        else book.clock.setTimer(slow.ms, () => respond(...args))
      }
      await ntlmProxy()(conn)
    }
    const book: Playbook = new Playbook(t, { hosts: { [FIRST]: script, [SECOND]: script } })
    t.match(await book.get(GOOD), { status: 200 })
    for (const ms of [300, 700, 2_600]) {
      slow.ms = ms
      const answers = Array.from({ length: 16 }, () => ask(book, 'CONNECT', 'good.test'))
      const statuses = (await Promise.all(answers)).map(({ status }) => status)
      t.strictSame(new Set(statuses), new Set([200]), `verdicts after ${ms} ms`)
    }
  },
)

t.test('a client that leaves a logon behind does not cost the account a place', async t => {
  const serve = async (conn: ScriptedConnection, { head }: { head: string }) => {
    if (head.includes('slow.test')) await conn.hold()
    else conn.respond('200 OK', 'in\n')
  }
  const state = { isHeld: false }
  const script: Script = async conn => {
    const respond = conn.respond.bind(conn)
    conn.respond = (...args) => {
      if (!state.isHeld) return respond(...args)
      void book.until(() => !state.isHeld).then(() => respond(...args))
    }
    await ntlmProxy({ serve })(conn)
  }
  const book: Playbook = new Playbook(t, { hosts: { [PROXY]: script } })
  t.match(await book.get(GOOD), { status: 200 })
  for (const { socket } of book.connections) socket.destroy()
  await book.settle()
  for (let i = 0; i < 4; i++) {
    state.isHeld = true
    const before = book.type3s
    const leaving = book.client()
    leaving.send(`${getRequest(GOOD).replaceAll('\n', '\r\n')}\r\n\r\n`)
    await book.until(() => book.type3s > before)
    leaving.socket.resetAndDestroy()
    await book.settle()
    state.isHeld = false
    await book.settle()
  }
  t.match(await book.passUntil(book.get(GOOD)), { status: 200 })
  t.equal(book.generation.guard?.status.state, 'proven')
})
