import t from 'tap'
import { openClient } from '../harness/http-client.ts'
import { until } from '../harness/real/until.ts'
import {
  connectAll,
  events,
  HELLO,
  isAlive,
  socketsOf,
  start,
  workersOf,
} from './workers-program.ts'

t.test('a worker that is killed is replaced, and the other one serves on', async t => {
  const { product, pids } = await start(t)
  const clients = await connectAll(t, product.port, 2)
  for (const client of clients) t.equal((await client.request(HELLO)).status, 200)
  const [victim = 0, survivor] = pids
  process.kill(victim, 'SIGKILL')
  await until('the end', () => events(product, 'worker.ended')[0])
  t.match(events(product, 'worker.ended'), [{ pid: victim, reason: 'SIGKILL', level: 'error' }])
  const left = clients.filter(({ socket }) => !socket.readableEnded && !socket.destroyed)
  for (const client of await connectAll(t, product.port, 4)) {
    t.equal((await client.request(HELLO)).status, 200)
  }
  for (const client of left) t.equal((await client.request(HELLO)).status, 200)
  const now = await workersOf(product)
  t.notOk(now.includes(victim))
  t.ok(survivor !== undefined && now.includes(survivor))
  for (const client of await connectAll(t, product.port, 8)) {
    t.equal((await client.request(HELLO)).status, 200)
  }
})

t.test('clients that a killed worker had not taken are served by another one', async t => {
  const { product, pids } = await start(t)
  const [victim = 0] = pids
  const before = socketsOf(product.pid)
  // It takes nobody any more.
  process.kill(victim, 'SIGSTOP')
  const clients = await connectAll(t, product.port, 12)
  const answers = clients.map(client => client.request(HELLO))
  await Promise.any(answers)
  process.kill(victim, 'SIGKILL')
  for (const answer of answers) t.equal((await answer).status, 200)
  await until('the end', () => events(product, 'worker.ended')[0])
  await until('the descriptors', () => socketsOf(product.pid) <= before + 1 || undefined)
})

t.test('no client hangs that connects while a worker is killed', async t => {
  const { product, pids } = await start(t)
  const [victim = 0] = pids
  const before = socketsOf(product.pid)
  const outcomes = new Set<number | string>()
  let isKilled = false
  const visitors = Array.from({ length: 16 }, async () => {
    for (let last = 0; last < 3; last += isKilled ? 1 : 0) {
      const client = await openClient(product.port)
      const answer = client.request(HELLO).then(({ status }) => status)
      outcomes.add(await answer.catch(() => 'closed with the worker that had it'))
      client.destroy()
    }
  })
  await until('traffic', () => events(product, 'request.finished')[40])
  process.kill(victim, 'SIGKILL')
  isKilled = true
  await Promise.all(visitors)
  outcomes.delete('closed with the worker that had it')
  t.same(outcomes, new Set([200]))
  await until('the descriptors', () => socketsOf(product.pid) <= before + 1 || undefined)
})

t.test('a worker that is stopped costs its clients seconds, and the others nothing', async t => {
  const { product, pids } = await start(t)
  const [stopped = 0] = pids
  process.kill(stopped, 'SIGSTOP')
  const early = await connectAll(t, product.port, 6)
  const waiting = early.map(client => client.request(HELLO))
  const [line] = await until('the line', () => {
    const found = events(product, 'worker.silent')
    return found.length > 0 ? found : undefined
  })
  t.match(line, { level: 'warn', pid: stopped })
  const later = await connectAll(t, product.port, 8)
  for (const client of later) t.equal((await client.request(HELLO)).status, 200)
  for (const answer of waiting) t.equal((await answer).status, 200)
  t.match(events(product, 'worker.ended'), [
    { pid: stopped, reason: 'SIGKILL, because it did not respond' },
  ])
  t.notOk(isAlive(stopped))
})

t.test('a worker that is stopped ends with the main process', async t => {
  const { product, pids } = await start(t, { lines: ['ShutdownGrace 1'] })
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  t.equal(await product.stop(), 0)
  t.notOk(pids.some(isAlive))
})

t.test('while there is no worker, the main process serves', async t => {
  const { product, pids } = await start(t)
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  await until('the end of both', () => events(product, 'worker.ended')[1])
  const [client] = await connectAll(t, product.port, 1)
  t.equal((await client?.request(HELLO))?.status, 200)
})

t.test('when the main process is killed, its workers end', async t => {
  const { product, pids } = await start(t)
  await product.stop('SIGKILL')
  await until('the end of the workers', () => !pids.some(isAlive) || undefined)
  t.notOk(pids.some(isAlive))
})
