import { connect, type Socket } from 'node:net'
import t from 'tap'
import { listen } from '../../../src/net/index.ts'
import { SocketReader } from '../../harness/socket-reader.ts'

type Test = Pick<typeof t, 'teardown'>

async function listenFor(test: Test, port = 0) {
  const accepted: Socket[] = []
  const waiting: ((socket: Socket) => void)[] = []
  const listener = await listen({ host: '127.0.0.1', port }, socket => {
    accepted.push(socket)
    test.teardown(() => socket.destroy())
    waiting.shift()?.(socket)
  })
  test.teardown(() => listener.close())
  const next = () => new Promise<Socket>(resolve => waiting.push(resolve))
  return { listener, accepted, next }
}

/** The code of the error with which a connection fails, or `connected`. */
function dialCode(test: Test, port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  test.teardown(() => socket.destroy())
  return new Promise(resolve => {
    socket.once('connect', () => resolve('connected'))
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'no code'))
  })
}

t.test('port 0 becomes the port that the system chose', async t => {
  const { listener } = await listenFor(t)
  t.equal(listener.address.host, '127.0.0.1')
  t.ok(listener.address.port > 0)
  t.equal(await dialCode(t, listener.address.port), 'connected')
})

t.test('an address in use is refused with the error of the system', async t => {
  const { listener } = await listenFor(t)
  await t.rejects(listenFor(t, listener.address.port), { code: 'EADDRINUSE' })
})

t.test('closing it ends no connection and takes no further one', async t => {
  const { listener, next } = await listenFor(t)
  const { port } = listener.address
  const accepted = next()
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => client.destroy())
  const socket = await accepted
  listener.close()
  listener.close()
  t.equal(await dialCode(t, port), 'ECONNREFUSED')
  socket.write('still here')
  t.equal((await new SocketReader(client).readBytes(10)).toString(), 'still here')
})

t.test('a client that has ended its side still gets an answer', async t => {
  const { listener, next } = await listenFor(t)
  const accepted = next()
  const client = connect({ port: listener.address.port, host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => client.destroy())
  client.end('question')
  const socket = await accepted
  t.equal((await new SocketReader(socket).readToEnd()).toString(), 'question')
  t.equal(socket.writable, true)
  socket.end('answer')
  t.equal((await new SocketReader(client).readToEnd()).toString(), 'answer')
})
