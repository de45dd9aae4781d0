import t from 'tap'
import { NtlmAcceptor } from '../../src/demo/index.ts'
import { memoryGuardStore } from '../../src/service/index.ts'
import { FakeClock } from '../harness/fake-clock.ts'
import { ALICE, getRequest, ntlmProxy, Playbook, PROXY } from '../harness/playbook.ts'
import type { Script } from '../harness/scripted-upstream.ts'

const URL = 'http://site.test/'
const WRONG = 'wonderland!'
const MINUTE = 60_000

t.test('eight clients with a wrong password put one AUTHENTICATE on the wire', async t => {
  for (const kind of ['GET', 'CONNECT', 'POST']) {
    const book = new Playbook(t, { hosts: { [PROXY]: ntlmProxy() }, password: WRONG })
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => {
        const client = book.client()
        if (kind === 'CONNECT') return client.request('CONNECT site.test:443 HTTP/1.1\nHost: a')
        if (kind === 'GET') return client.request(getRequest(URL))
        return client.request(`POST ${URL} HTTP/1.1\nHost: site.test\nContent-Length: 3`, 'abc')
      }),
    )
    t.equal(book.type3s, 1, kind)
    for (const answer of answers) {
      t.match(answer, { status: 502, reason: 'Bad Gateway' })
      t.match(answer.values('Proxy-Status'), [/^tsntlm; error=proxy_configuration_error; details=/])
      t.match(answer.text, /DEMO\\alice/, 'the page names the account')
      t.notMatch(answer.head + answer.text, /wonderland/)
    }
    t.equal(answers.filter(({ text }) => text.includes('AUTH_REJECTED')).length, 1)
    t.equal(answers.filter(({ text }) => text.includes('AUTH_LOCKED_OUT')).length, 7)
    t.match(book.recorder.all('guard.tripped'), [
      { account: 'DEMO\\alice', upstream: PROXY, forMs: 30 * MINUTE },
    ])

    t.match(await book.get(URL), { status: 502, text: /not sent again for 1800 s/ })
    t.match(await book.client().request('CONNECT site.test:443 HTTP/1.1'), { status: 502 })
    t.equal(book.type3s, 1, 'later requests show nothing')
    await book.until(() => book.open === 0)
  }
})

t.test('when the window is over exactly one of many sends the password again', async t => {
  const book = new Playbook(t, { hosts: { [PROXY]: ntlmProxy() }, password: WRONG })
  await book.get(URL)
  book.clock.advance(30 * MINUTE - 1_000)
  await book.get(URL)
  t.equal(book.type3s, 1)
  book.clock.advance(2_000)
  const answers = await Promise.all(Array.from({ length: 8 }, () => book.get(URL)))
  t.same(new Set(answers.map(({ status }) => status)), new Set([502]))
  t.equal(book.type3s, 2)
})

t.test('the verdict outlives the process', async t => {
  const guardStore = memoryGuardStore()
  const clock = new FakeClock()
  const first = new Playbook(t, {
    hosts: { [PROXY]: ntlmProxy() },
    password: WRONG,
    guardStore,
    clock,
  })
  await first.get(URL)
  first.destroy()
  const second = new Playbook(t, {
    hosts: { [PROXY]: ntlmProxy() },
    password: WRONG,
    guardStore,
    clock,
  })
  t.match(await second.get(URL), { status: 502, text: /AUTH_LOCKED_OUT/ })
  t.equal(second.type3s, 0)
})

t.test('a credential that one upstream rejected is not sent to another', async t => {
  const book = new Playbook(t, {
    hosts: { 'proxy-a.test:1': ntlmProxy(), 'proxy-b.test:2': ntlmProxy() },
    password: WRONG,
  })
  const answers = await Promise.all([book.get(URL), book.get(URL), book.get(URL)])
  t.same(
    answers.map(({ status }) => status),
    [502, 502, 502],
  )
  t.equal(book.type3s, 1)
  t.same(new Set(book.dials), new Set(['proxy-a.test:1']))
  t.equal(book.recorder.count('upstream.down'), 0, 'and no upstream is blamed')
})

t.test('a 403 to the AUTHENTICATE is an answer like any other', async t => {
  const book = new Playbook(t, {
    hosts: {
      [PROXY]: ntlmProxy({ serve: conn => conn.respond('403 Forbidden', 'not this site\n') }),
    },
  })
  t.match(await book.get(URL), { status: 403, text: 'not this site\n' })
  t.match(await book.client().request('CONNECT a.test:443 HTTP/1.1'), {
    status: 403,
    text: 'not this site\n',
  })
  t.equal(book.recorder.count('guard.tripped'), 0)
  t.equal(book.recorder.count('guard.proven'), 1)
})

t.test('a 403 instead of the logon check proves the password too', async t => {
  const forbidding: Script = async conn => {
    const acceptor = new NtlmAcceptor({ accounts: [ALICE] })
    await conn.readHead()
    await conn.demand()
    const { verdict } = await conn.demandNtlm({ acceptor })
    conn.respond(verdict.ok ? '403 Forbidden' : '407 No', 'policy\n')
    while ((await conn.nextHead()) !== undefined) conn.respond('200 OK', 'allowed\n')
  }
  const book = new Playbook(t, { hosts: { [PROXY]: forbidding } })
  t.match(await book.get(URL), { status: 200, text: 'allowed\n' })
  t.equal(book.recorder.count('guard.proven'), 1)
})

t.test('broken connections do not trip the guard, but slow it down', async t => {
  const breaking: Script = async conn => {
    const acceptor = new NtlmAcceptor({ accounts: [ALICE] })
    if (conn.number > 2) return await ntlmProxy()(conn)
    if (conn.number === 1) {
      await conn.readHead()
      await conn.demand()
    }
    await conn.challenge({ acceptor })
    await conn.readHead()
    conn.reset()
  }
  const book = new Playbook(t, { hosts: { [PROXY]: breaking } })
  t.match(await book.passUntil(book.get(URL)), { status: 502, text: /UPSTREAM_CLOSED/ })
  t.ok(book.clock.now() >= 10_000, 'the second one waits, the upstream may be restarting')
  t.equal(book.type3s, 2)
  t.equal(book.recorder.count('guard.tripped'), 0)
  t.match(await book.get(URL), {
    status: 502,
    text: /sent without ever being answered; .* run "tsntlm unlock"/,
  })
  t.equal(book.type3s, 2, 'nobody knows whether they were counted, so they are')
  await book.pass(30 * MINUTE)
  t.match(await book.get(URL), { status: 200 })
  t.equal(book.recorder.count('guard.proven'), 1)
})

t.test('a client that leaves does not take the verdict away from the others', async t => {
  let answer: () => void = () => undefined
  const asked = new Promise<void>(resolve => (answer = resolve))
  const slow: Script = async conn => {
    const acceptor = new NtlmAcceptor({ accounts: [ALICE] })
    if (conn.number > 1) return await ntlmProxy()(conn)
    await conn.readHead()
    await conn.demand()
    await conn.challenge({ acceptor })
    const { verdict } = await conn.judge(acceptor)
    await asked
    conn.respond(verdict.ok ? '503 Service Unavailable' : '407 No')
    await conn.hold()
  }
  const book = new Playbook(t, { hosts: { [PROXY]: slow } })
  const leaving = book.client()
  leaving.send(`${getRequest(URL).replaceAll('\n', '\r\n')}\r\n\r\n`)
  await book.until(() => book.type3s === 1)
  const staying = book.get(URL)
  await book.settle()
  leaving.socket.resetAndDestroy()
  await book.settle()
  t.equal(book.type3s, 1, 'everybody still waits for the first verdict')
  answer()
  t.match(await staying, { status: 200 })
  t.equal(book.recorder.count('guard.proven'), 1)
  await book.until(() => book.recorder.count('request.finished') === 2)
  t.match(book.recorder.all('request.finished'), [
    { record: { error: 'CLIENT_ABORTED' } },
    { record: { status: 200 } },
  ])
})

/** An upstream whose directory can be changed while it runs. */
function directory(options: Parameters<typeof ntlmProxy>[0] = {}) {
  const state = { accounts: [ALICE] }
  const script: Script = conn => ntlmProxy({ ...options, accounts: state.accounts })(conn)
  return { state, script }
}

const CHANGED = [{ ...ALICE, password: 'changed' }]

t.test('a password that was changed overnight is noticed with one AUTHENTICATE', async t => {
  const { state, script } = directory()
  const book = new Playbook(t, { hosts: { [PROXY]: script } })
  t.match(await book.get(URL), { status: 200 })
  state.accounts = CHANGED
  await book.pass(20 * MINUTE)
  const answers = await Promise.all(Array.from({ length: 8 }, () => book.get(URL)))
  t.same(new Set(answers.map(({ status }) => status)), new Set([502]))
  t.equal(book.type3s, 2)
  t.match(book.recorder.all('guard.tripped'), [{ forMs: 2 * MINUTE }])

  await book.pass(2 * MINUTE)
  await Promise.all(Array.from({ length: 8 }, () => book.get(URL)))
  t.equal(book.type3s, 3, 'a domain controller may have been out of reach, so it is tried again')
  await book.pass(20 * MINUTE)
  await book.get(URL)
  t.equal(book.type3s, 3, 'but never beyond the budget')
})

t.test('a refusal that comes after the client has left counts all the same', async t => {
  const { state, script } = directory()
  const verdicts: (() => void)[] = []
  const slow: Script = async conn => {
    if (state.accounts !== CHANGED) return await script(conn)
    const acceptor = new NtlmAcceptor({ accounts: CHANGED })
    await conn.challenge({ acceptor })
    await conn.judge(acceptor)
    await new Promise<void>(resolve => verdicts.push(resolve))
    conn.respond('407 No')
    await conn.hold()
  }
  const book = new Playbook(t, { hosts: { [PROXY]: slow }, config: { warm: 'off' } })
  t.equal(
    (await book.client().request('CONNECT a.test:443 HTTP/1.1\nHost: a.test:443')).status,
    200,
  )
  state.accounts = CHANGED
  const before = book.type3s
  for (let number = 0; number < 6; number++) {
    const leaving = book.client()
    leaving.send(`CONNECT x${number}.test:443 HTTP/1.1\r\nHost: x${number}.test:443\r\n\r\n`)
    await book.pass(1_500)
    leaving.socket.resetAndDestroy()
    await book.settle()
    for (const give of verdicts.splice(0)) give()
    await book.settle()
  }
  t.equal(book.type3s - before, 1)
  t.match(book.recorder.all('guard.tripped'), [{ forMs: 2 * MINUTE }])
})

t.test('a password that changes under load costs LogonBudget AUTHENTICATEs at most', async t => {
  for (const logonBudget of [1, 2, 3, 5]) {
    for (const kind of ['CONNECT', 'GET', 'POST']) {
      const { state, script } = directory()
      const config = { logonBudget, warm: 'authenticated' } as const
      const book = new Playbook(t, { hosts: { [PROXY]: script }, config })
      await book.get(URL)
      const proven = book.type3s
      state.accounts = CHANGED
      for (const { socket } of book.connections) socket.destroy()
      await book.settle()
      const load = Array.from({ length: 50 }, (_, i) => {
        const client = book.client()
        if (kind === 'CONNECT') return client.request(`CONNECT site${i}.test:443 HTTP/1.1\nHost: a`)
        if (kind === 'GET') return client.request(getRequest(`http://site${i}.test/`))
        return client.request(`POST ${URL} HTTP/1.1\nHost: site.test\nContent-Length: 3`, 'abc')
      })
      const answers = await book.passUntil(Promise.all(load))
      t.same(new Set(answers.map(({ status }) => status)), new Set([502]), kind)
      const wrong = book.type3s - proven
      t.ok(wrong >= 1 && wrong <= logonBudget, `${kind}, LogonBudget ${logonBudget}: ${wrong}`)
      await book.pass(60 * MINUTE, 60)
      t.equal(book.type3s - proven, wrong, 'and nothing by itself')
    }
  }
})
