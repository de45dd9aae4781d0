import t from 'tap'
import type { Config } from '../../src/config/index.ts'
import { parseAddressRule } from '../../src/core/index.ts'
import { ntlmProxy, Playbook, PROXY, type Serve } from '../harness/playbook.ts'

type Test = Pick<typeof t, 'teardown'>

const TARGET = { host: 'git.test', port: 22 }

/** Opens the tunnel and echoes everything, until the client ends its side. */
const echo: Serve = async conn => {
  conn.write('HTTP/1.1 200 OK\r\n\r\n')
  conn.write(await conn.readToEnd())
  conn.end()
  return false
}

function start(test: Test, serve = echo, config: Partial<Config> = {}, target = TARGET) {
  const book = new Playbook(test, { hosts: { [PROXY]: ntlmProxy({ serve }) }, config })
  const port = book.port({ kind: 'tunnel', target })
  return { book, port, client: (address?: string) => book.client(address, port) }
}

async function finished(book: Playbook) {
  const { record } = await book.recorder.waitFor('request.finished')
  await book.until(() => book.open === 0)
  return record
}

t.test('what is sent before the way is open reaches the target', async t => {
  const { book, client } = start(t)
  const near = client()
  near.socket.end('early')
  t.equal((await near.reader.readToEnd()).toString(), 'early')
  t.match(await finished(book), {
    method: 'FORWARD',
    target: 'git.test:22',
    route: 'upstream',
    status: 200,
    bytesIn: 5,
    bytesOut: 5,
    termination: '--',
  })
  t.match(book.connections[0]?.heads.at(-1), /^CONNECT git\.test:22 HTTP\/1\.1\r\n/)
})

t.test('a target that speaks first is heard, also what came with the 200', async t => {
  const { book, client } = start(t, async conn => {
    conn.write('HTTP/1.1 200 OK\r\n\r\nSSH-2.0')
    t.equal((await conn.readToEnd()).toString(), 'SSH-2.0-client')
    conn.write(' bye')
    conn.end()
    return false
  })
  const near = client()
  t.equal((await near.reader.readBytes(7)).toString(), 'SSH-2.0')
  near.socket.end('SSH-2.0-client')
  t.equal((await near.reader.readToEnd()).toString(), ' bye')
  t.match(await finished(book), { bytesOut: 11, termination: '--' })
  t.same(book.failures, [])
})

t.test('each direction ends by itself', async t => {
  const { book, client } = start(t, async conn => {
    conn.write('HTTP/1.1 200 OK\r\n\r\nbye')
    conn.end()
    t.equal((await conn.readToEnd()).toString(), 'still talking')
    return false
  })
  const near = client()
  t.equal((await near.reader.readToEnd()).toString(), 'bye')
  near.socket.end('still talking')
  t.match(await finished(book), { bytesIn: 13, bytesOut: 3, termination: '--' })
  t.same(book.failures, [])
})

t.test('IPv6 targets stand in brackets', async t => {
  const { book, client } = start(t, echo, {}, { host: '2001:db8::1', port: 22 })
  client().socket.end()
  t.match(await finished(book), { target: '[2001:db8::1]:22' })
  t.match(book.connections[0]?.heads.at(-1), /^CONNECT \[2001:db8::1\]:22 HTTP/)
})

t.test('where there is no way the client is closed without a word', async t => {
  const { book, client } = start(t, conn => conn.respond('403 Forbidden', '<h1>no</h1>'))
  const refused = client()
  t.equal((await refused.reader.readToEnd()).length, 0)
  t.match(await finished(book), { error: 'ROUTE_DENIED', detail: /answers 403/ })
  book.hosts[PROXY] = 'refuses'
  const unreachable = client()
  t.equal((await unreachable.reader.readToEnd()).length, 0)
  t.match(await finished(book), { status: 502 })
})

t.test('a client that does not close its side is not kept for ever', async t => {
  const { book, client } = start(t, conn => conn.respond('403 Forbidden'))
  const near = client()
  await near.reader.readToEnd()
  await finished(book)
  const broken = new Promise(resolve => near.socket.once('error', resolve))
  near.send('nobody reads this')
  await book.pass(4_000)
  t.equal(near.socket.errored, null)
  await book.pass(2_000)
  near.send('nor this')
  t.match(await broken, { code: 'EPIPE' })
})

t.test('NoProxy and DirectToLocal hold for the fixed target', async t => {
  const target = { host: '127.0.0.1', port: 22 }
  for (const directToLocal of [false, true]) {
    const config = { noProxy: ['127.*'], directToLocal }
    const { book, client } = start(t, echo, config, target)
    book.hosts['127.0.0.1:22'] = async conn => {
      conn.write(await conn.readToEnd())
      conn.end()
    }
    for (const address of ['127.0.0.1', '192.0.2.7']) {
      const near = client(address)
      near.socket.end('hello')
      const isOpen = directToLocal || address === '127.0.0.1'
      t.equal((await near.reader.readToEnd()).toString(), isOpen ? 'hello' : '')
      const error = isOpen ? undefined : 'ROUTE_DENIED'
      t.match(await finished(book), { route: 'direct', error })
    }
    t.notOk(book.dials.includes(PROXY))
  }
})

t.test('Allow and Deny hold for it', async t => {
  const rule = parseAddressRule('192.0.2.0/24')
  if (rule === undefined) throw new Error('the rule is a network')
  const { book, client } = start(t, echo, { acl: [{ action: 'deny', rule }] })
  t.equal((await client('192.0.2.7').reader.readToEnd()).length, 0)
  t.equal(book.recorder.count('client.denied'), 1)
  t.equal(book.dials.length, 0)
})

t.test('a client that breaks off while the way is opened leaves nothing behind', async t => {
  const { book, client } = start(t)
  book.hosts[PROXY] = 'swallows'
  const near = client()
  await book.until(() => book.dials.length > 0)
  near.socket.resetAndDestroy()
  t.match(await finished(book), { error: 'CLIENT_ABORTED', termination: /^C/ })
})

t.test(
  'a drain waits for tunnels, destroy cuts them, an idle one ends where configured',
  async t => {
    const { book, port, client } = start(t, echo, { tunnelIdleMs: 60_000 })
    client()
    await book.until(
      () => book.requests.includes('CONNECT type 3') || book.requests.includes('CONNECT'),
    )
    await book.settle()
    let isDrained = false
    const drained = port.drain().then(() => (isDrained = true))
    await book.pass(50_000)
    t.equal(isDrained, false)
    await book.pass(20_000)
    await drained
    t.match(await finished(book), { error: 'CLIENT_TIMEOUT' })

    const near = client()
    await book.until(() => port.requestsInProgress === 1)
    await book.settle()
    t.equal(port.destroy(), 1)
    t.equal(await near.reader.closed(), 'reset')
    t.match(await finished(book), { error: 'DRAINING', termination: /^K/ })
  },
)
