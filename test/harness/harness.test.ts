import t from 'tap'
import { NtlmAcceptor } from '../../src/demo/index.ts'
import { startByteEcho } from './byte-echo.ts'
import { EventRecorder } from './event-recorder.ts'
import { connectTunnel, openClient } from './http-client.ts'
import { answerChallenge, NEGOTIATE } from './plain-ntlm.ts'
import { takeBlock } from './real/port.ts'
import { type BodyStyle, type Script, startScriptedUpstream } from './scripted-upstream.ts'

const ALICE = { user: 'alice', domain: 'DEMO', password: 'wonderland' }
const GET = 'GET http://a.test/ HTTP/1.1\nHost: a.test'

async function start(test: Pick<typeof t, 'teardown'>, script: Script) {
  const upstream = await startScriptedUpstream(script)
  test.teardown(() => upstream.close())
  const client = await openClient(upstream.port)
  test.teardown(() => client.destroy())
  return { upstream, client }
}

t.test('a script demands NTLM with every style of body and judges the answer', async t => {
  for (const bodyStyle of ['length', 'chunked', 'none'] satisfies BodyStyle[]) {
    for (const password of [ALICE.password, 'wrong']) {
      const acceptor = new NtlmAcceptor({ accounts: [ALICE] })
      const { upstream, client } = await start(t, async conn => {
        const { verdict } = await conn.demandNtlm({
          acceptor,
          bodyStyle,
          slow: bodyStyle === 'chunked',
          schemes: token => [`NTLM ${token}, Basic realm="a, b"`],
          connectionLines: ['Proxy-Connection: keep-alive'],
        })
        conn.respond(verdict.ok ? '200 OK' : '407 No', 'done', ['X-Script: yes'])
      })
      const leg1 = await client.request(`${GET}\nProxy-Authorization: NTLM ${NEGOTIATE}`)
      t.match(leg1, { status: 407, reason: 'Proxy Authentication Required' }, bodyStyle)
      t.equal(leg1.body.length > 3000, bodyStyle !== 'none')
      t.same(leg1.values('Proxy-Connection'), ['keep-alive'])
      const challenge = /^NTLM (\S+), /.exec(leg1.values('proxy-authenticate')[0] ?? '')?.[1] ?? ''
      const token = answerChallenge(challenge, { ...ALICE, password })
      const leg2 = await client.request(`${GET}\nProxy-Authorization: NTLM ${token}`)
      t.match(leg2, { status: password === 'wrong' ? 407 : 200, text: 'done' })
      await upstream.finished(1)
      t.equal(upstream.connections[0]?.heads.length, 2)
      t.same(upstream.failures, [])
    }
  }
})

t.test('a script may end, reset or hold a connection', async t => {
  const ended = await start(t, async conn => {
    await conn.readHead()
    await conn.demand({ bodyStyle: 'close', version: '1.0', body: 'until the end' })
  })
  t.match(await ended.client.request(GET), { status: 407, text: 'until the end' })

  const reset = await start(t, async conn => {
    await conn.readHead()
    conn.reset()
  })
  await t.rejects(reset.client.request(GET), /The connection failed .*ECONNRESET/)

  const held = await start(t, async conn => {
    await conn.readHead()
    await conn.hold()
    conn.end()
  })
  held.client.send('GET / HTTP/1.1\r\n\r\n')
  held.client.socket.end()
  t.equal(await held.client.reader.closed(), 'end')
  await held.upstream.finished(1)
})

t.test('a script that gets something else than it reads for is reported', async t => {
  const { upstream, client } = await start(t, async conn => void (await conn.readBody(10)))
  client.socket.end('short')
  await upstream.finished(1)
  t.match(upstream.failures, [{ message: /ended with 5 of 10 bytes, after "short"/ }])
})

t.test('a tunnel client gets a socket and what came with the answer', async t => {
  const { upstream } = await start(t, async conn => {
    const head = await conn.readHead()
    if (head.includes('refused')) return conn.respond('403 Forbidden', 'no')
    conn.write('HTTP/1.1 200 OK\r\n\r\nfirst words')
    conn.socket.pipe(conn.socket)
  })
  const { leftover, socket } = await connectTunnel(upstream.port, 'a.test:443')
  t.teardown(() => socket.destroy())
  const rest = leftover.length > 0 ? leftover : await new Promise(done => socket.once('data', done))
  t.equal(String(rest), 'first words')
  await t.rejects(connectTunnel(upstream.port, 'refused.test:443'), /was answered 403/)
})

t.test('the echo keeps the other direction open until its last byte', async t => {
  const echo = await startByteEcho()
  t.teardown(() => echo.close())
  const client = await openClient(echo.port)
  client.socket.end('there and back')
  t.equal((await client.reader.readToEnd()).toString(), 'there and back')
  t.equal(echo.accepted.length, 1)
})

t.test('a recorder gives out each event once, before and after it happens', async t => {
  const recorder = new EventRecorder()
  recorder.emit({ type: 'upstream.up', upstream: 'a:1' })
  recorder.emit({ type: 'upstream.up', upstream: 'b:2' })
  t.match(await recorder.waitFor('upstream.up'), { upstream: 'a:1' })
  t.match(await recorder.waitFor('upstream.up'), { upstream: 'b:2' })
  const coming = recorder.waitFor('upstream.up')
  recorder.emit({ type: 'guard.proven', account: 'x' })
  recorder.emit({ type: 'upstream.up', upstream: 'c:3' })
  t.match(await coming, { upstream: 'c:3' })
  t.equal(recorder.count('upstream.up'), 3)
})

t.test('those who take ports at the same time never get the same one', async t => {
  const takers = [await takeBlock(7), await takeBlock(7), await takeBlock(7)]
  const ports: number[] = []
  for (let i = 0; i < 10; i++) for (const take of takers) ports.push(await take())
  t.equal(new Set(ports).size, 30)
})
