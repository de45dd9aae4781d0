import { connect, createServer, Socket } from 'node:net'
import t from 'tap'
import { peerOf, withoutMapping } from '../../../src/net/index.ts'

t.test('an IPv4 client has the same address on every port', async t => {
  for (const host of ['127.0.0.1', '::']) {
    const server = createServer()
    t.teardown(() => server.close())
    const failure = await new Promise(resolve =>
      server.once('error', resolve).listen(0, host, () => resolve(undefined)),
    )
    if (failure !== undefined) {
      t.comment('skipped: this host has no IPv6')
      continue
    }
    const accepted = new Promise<Socket>(resolve => server.once('connection', resolve))
    const at = server.address()
    const client = connect(typeof at === 'object' && at !== null ? at.port : 0, '127.0.0.1')
    t.teardown(() => client.destroy())
    const socket = await accepted
    t.teardown(() => socket.destroy())
    const port = client.localPort
    t.strictSame(peerOf(socket), { address: '127.0.0.1', port }, `a port on ${host}`)
  }
})

t.test('a connection that is gone has nobody at its other end', async t => {
  t.equal(peerOf(new Socket()), undefined)
})

t.test('only mapped addresses are changed', async t => {
  t.equal(withoutMapping('::ffff:10.1.2.3'), '10.1.2.3')
  t.equal(withoutMapping('::FFFF:10.1.2.3'), '10.1.2.3')
  for (const address of ['10.1.2.3', '::1', 'fe80::ffff:1', '::ffff:a01:203']) {
    t.equal(withoutMapping(address), address)
  }
})
