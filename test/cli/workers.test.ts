import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { startByteEcho } from '../harness/byte-echo.ts'
import { connectTunnel } from '../harness/http-client.ts'
import { startProduct } from '../harness/product.ts'
import { startHeldOrigin } from '../harness/real/held-origin.ts'
import { freePort } from '../harness/real/port.ts'
import { until } from '../harness/real/until.ts'
import { SocketReader } from '../harness/socket-reader.ts'
import { tsntlm } from './program.ts'
import { at, connectAll, events, HELLO, isAlive, start, statusOf } from './workers-program.ts'

t.test('64 clients are served by both workers, and all is counted and logged once', async t => {
  const { product, pids, upstream } = await start(t)
  const clients = await connectAll(t, product.port, 64)
  const answers = await Promise.all(clients.map(client => client.request(HELLO)))
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  const again = await Promise.all(clients.map(client => client.request(HELLO)))
  t.same(new Set(again.map(({ text }) => text)), new Set(['Hello from the origin\n']))
  const lines = await until('all lines', () => {
    const found = events(product, 'request.finished')
    return found.length === 128 ? found : undefined
  })
  t.equal(new Set(lines.map(({ id }) => id)).size, 128)
  t.equal(
    new Set(lines.map(({ id }) => String(id).split('-')[0])).size,
    2,
    'each names its process',
  )
  const status = await statusOf(product)
  t.match(status, {
    pid: product.pid,
    totals: { requests: 128, failures: {} },
    account: { state: 'proven' },
  })
  t.same([0, 1].map(index => at(status, 'workers', index, 'pid')).sort(), pids.sort())
  const idle = Number(at(status, 'upstreams', 0, 'sessions', 'idle'))
  t.equal(idle, upstream.counters.type3s, 'the sessions of both')
  t.match(await tsntlm(['status', '-c', product.config]), {
    out: /^workers +process \d+: 0 requests, 0 tunnels\n +process \d+: /m,
  })
})

t.test('who comes before the workers is served by them', async t => {
  const product = await startProduct({ config: ['NoProxy *', 'Workers 2'] })
  t.teardown(() => product.stop('SIGKILL'))
  const clients = await connectAll(t, product.port, 4)
  t.same(events(product, 'worker.started'), [], 'they are not there yet')
  const answers = await Promise.all(clients.map(client => client.request('GET / HTTP/1.1')))
  t.same(new Set(answers.map(({ status }) => status)), new Set([400]))
  const lines = await until('the lines', () => {
    const found = events(product, 'request.finished')
    return found.length === 4 ? found : undefined
  })
  t.same(
    new Set(lines.map(({ id }) => String(id).replace(/^.*\.(\d+)-.*$/, '$1'))),
    new Set(['1', '2']),
  )
})

t.test('tunnels of both workers are shown, and finish when it stops', async t => {
  const { product, pids } = await start(t)
  const echo = await startByteEcho()
  t.teardown(() => echo.close())
  const tunnels = await Promise.all(
    Array.from({ length: 6 }, () => connectTunnel(product.port, `127.0.0.1:${echo.port}`)),
  )
  t.teardown(() => tunnels.forEach(({ socket }) => socket.destroy()))
  const { out } = await tsntlm(['tunnels', '--json', '-c', product.config])
  t.equal((JSON.parse(out) as unknown[]).length, 6)
  const status = await statusOf(product)
  t.equal(at(status, 'tunnelsOpen'), 6)
  t.same([at(status, 'workers', 0, 'tunnels'), at(status, 'workers', 1, 'tunnels')], [3, 3])
  const stopped = product.stop()
  await until('the drain', () => events(product, 'service.draining')[0])
  for (const { socket } of tunnels) {
    const reader = new SocketReader(socket)
    // What both sides still have to say goes through.
    socket.end('last words')
    t.equal((await reader.readToEnd()).toString(), 'last words')
  }
  t.equal(await stopped, 0)
  t.match(events(product, 'service.draining'), [{ requests: 6 }])
  t.match(events(product, 'service.stopped'), [{ aborted: 0 }])
  await until('the end of the workers', () => !pids.some(isAlive) || undefined)
})

t.test('what outlives the grace is cut off, and has its line', async t => {
  const { product, pids } = await start(t, { lines: ['ShutdownGrace 1'] })
  const echo = await startByteEcho()
  t.teardown(() => echo.close())
  const tunnels = await Promise.all(
    Array.from({ length: 2 }, () => connectTunnel(product.port, `127.0.0.1:${echo.port}`)),
  )
  t.teardown(() => tunnels.forEach(({ socket }) => socket.destroy()))
  t.equal(await product.stop(), 0)
  const lines = events(product, 'request.finished')
  t.same(
    lines.map(({ term, error }) => [term, error]),
    [
      ['KD', 'DRAINING'],
      ['KD', 'DRAINING'],
    ],
  )
  t.match(events(product, 'service.stopped'), [{ aborted: 2 }])
  await until('the end of the workers', () => !pids.some(isAlive) || undefined)
})

t.test('a wrong password is sent once, however many ask in whichever process', async t => {
  const { product, upstream } = await start(t, { password: 'Wrong-1' })
  const clients = await connectAll(t, product.port, 50)
  const answers = await Promise.all(clients.map(client => client.request(HELLO)))
  t.same(new Set(answers.map(({ status }) => status)), new Set([502]))
  t.equal(upstream.counters.type3s, 1)
  t.match(await tsntlm(['unlock', '-c', product.config]), { code: 0 })
  const later = await connectAll(t, product.port, 20)
  const more = await Promise.all(later.map(client => client.request(HELLO)))
  t.same(new Set(more.map(({ status }) => status)), new Set([502]))
  t.equal(upstream.counters.type3s, 2)
  t.equal(events(product, 'guard.tripped').length, 2)
})

t.test('the wrong account of a client is sent once, and costs the others nothing', async t => {
  const { product, upstream } = await start(t)
  const [client] = await connectAll(t, product.port, 1)
  t.equal((await client?.request(HELLO))?.status, 200)
  const basic = Buffer.from('other:Wrong-2').toString('base64')
  const clients = await connectAll(t, product.port, 20)
  const before = upstream.counters.type3s
  const answers = await Promise.all(
    clients.map(each => each.request(`${HELLO}\nProxy-Authorization: Basic ${basic}`)),
  )
  t.same(new Set(answers.map(({ status }) => status)), new Set([407]))
  t.equal(upstream.counters.type3s - before, 1)
  t.match(await statusOf(product), { clientAccounts: { known: 1, refused: 1 } })
  t.equal((await client?.request(HELLO))?.status, 200)
})

t.test('signals that reach all processes of a terminal end it as one', async t => {
  const { product, pids } = await start(t)
  const held = await startHeldOrigin()
  t.teardown(() => held.stop())
  const [client] = await connectAll(t, product.port, 1)
  const answer = client?.request(`GET http://127.0.0.1:${held.port}/ HTTP/1.1\nHost: a`)
  await until('the request', () => held.arrived[0])
  for (const pid of pids) process.kill(pid, 'SIGINT')
  const stopped = product.stop('SIGINT')
  await until('the drain', () => events(product, 'service.draining')[0])
  held.release()
  t.equal((await answer)?.text, 'released\n')
  t.equal(await stopped, 0)
})

t.test('a reload under load reaches both workers and fails no request', async t => {
  const { origin, product, upstream } = await start(t)
  const clients = await connectAll(t, product.port, 16)
  let isOver = false
  const statuses = new Set<number>()
  const load = Promise.all(
    clients.map(async client => {
      while (!isOver) statuses.add((await client.request(HELLO)).status)
    }),
  )
  const reload = async (): Promise<void> => {
    t.match(await tsntlm(['reload', '-c', product.config]), { code: 0 })
  }
  await reload()
  appendFileSync(product.config, 'Header X-Reloaded: yes\n')
  await reload()
  isOver = true
  await load
  t.same(statuses, new Set([200]))
  const shown = await Promise.all(
    clients.map(client =>
      client.request('GET http://origin.demo.test/headers HTTP/1.1\nHost: origin.demo.test'),
    ),
  )
  for (const { text } of shown) t.match(text, '"X-Reloaded","yes"')
  const count = upstream.counters.type3s
  writeFileSync(
    product.config,
    readFileSync(product.config, 'utf8').replace(/^Proxy .*$/m, `NoProxy *`),
  )
  await reload()
  const direct = await Promise.all(
    clients.map(client =>
      client.request(
        `GET http://127.0.0.1:${origin.resolve({ host: 'origin.demo.test', port: 80 }).port}/hello HTTP/1.1\nHost: a`,
      ),
    ),
  )
  t.same(new Set(direct.map(({ status }) => status)), new Set([200]))
  t.equal(upstream.counters.type3s, count)
})

t.test('what one worker learns of an upstream that is down, the other one knows', async t => {
  const dead = await freePort()
  const { product } = await start(t, { before: [`Proxy 127.0.0.1:${dead}`] })
  const [first, second, third] = await connectAll(t, product.port, 3)
  t.equal((await first?.request(HELLO))?.status, 200)
  await until('the news', () => events(product, 'upstream.down')[0])
  t.match(await statusOf(product), { upstreams: [{ health: 'down' }, { health: 'available' }] })
  for (const client of [second, third]) t.equal((await client?.request(HELLO))?.status, 200)
  t.equal(events(product, 'upstream.failed').length, 1)
  const lines = await until('the lines', () => {
    const found = events(product, 'request.finished')
    return found.length === 3 ? found : undefined
  })
  t.same(
    lines.map(({ tries }) => tries),
    [2, 1, 1],
  )
  t.equal(new Set(lines.map(({ id }) => String(id).split('-')[0])).size, 2)
})

t.test('limits of clients hold for all workers together', async t => {
  const { product } = await start(t, { lines: ['MaxClientsPerAddress 3'] })
  const clients = await connectAll(t, product.port, 4)
  const statuses = []
  for (const client of clients) statuses.push((await client.request(HELLO)).status)
  t.same(statuses, [200, 200, 200, 503])
  clients[0]?.destroy()
  await until('room', async () => {
    const [client] = await connectAll(t, product.port, 1)
    const status = (await client?.request(HELLO))?.status
    client?.destroy()
    return status === 200 || undefined
  })
})

t.test('a client that has said all is answered, and SOCKS5 goes to workers too', async t => {
  const socks = await freePort()
  const { product } = await start(t, { lines: [`SOCKS5Proxy 127.0.0.1:${socks}`] })
  const echo = await startByteEcho()
  t.teardown(() => echo.close())
  const [half] = await connectAll(t, product.port, 1)
  half?.socket.end(`${HELLO.replace('\n', '\r\n')}\r\n\r\n`)
  t.equal((await half?.readResponse())?.status, 200)
  const [client] = await connectAll(t, socks, 1)
  client?.send(Buffer.from([5, 1, 0]))
  t.same(await client?.reader.readBytes(2), Buffer.from([5, 0]))
  client?.send(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, echo.port >> 8, echo.port & 255]))
  t.equal((await client?.reader.readBytes(10))?.[1], 0)
  client?.send('through a worker')
  t.equal((await client?.reader.readBytes(16))?.toString(), 'through a worker')
  t.match(await statusOf(product), { requestsInProgress: 0, tunnelsOpen: 1 })
})
