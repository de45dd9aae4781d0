import { createServer } from 'node:net'
import t from 'tap'
import { systemClock } from '../../../src/core/index.ts'
import { startOrigin } from '../../../src/demo/index.ts'
import { readCertificates, tcpDialer } from '../../../src/net/index.ts'

const dialer = tcpDialer({ clock: systemClock, timeoutMs: 3_000 })
const { signal } = new AbortController()

t.test('a server is seen with its issuer, and why it is not trusted', async t => {
  const origin = await startOrigin()
  t.teardown(() => origin.close())
  for (const name of ['origin.demo.test', '127.0.0.1']) {
    const stream = await dialer.dial(origin.https, { signal })
    t.strictSame(await readCertificates(stream, name, systemClock, 5_000), {
      fault: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      issuer: 'origin.demo.test',
      top: 'origin.demo.test',
    })
    t.ok(stream.destroyed)
  }
  const stream = await dialer.dial(origin.http, { signal })
  await t.rejects(readCertificates(stream, 'a.test', systemClock, 5_000), {
    code: 'UPSTREAM_PROTOCOL',
  })
})

t.test('a server that says nothing, or closes, ends it', async t => {
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    socket.once('data', () => void (isSilent || socket.end()))
  })
  let isSilent = true
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const read = async (timeoutMs: number) =>
    readCertificates(
      await dialer.dial({ host: '127.0.0.1', port }, { signal }),
      'a.test',
      systemClock,
      timeoutMs,
    )
  await t.rejects(read(50), { code: 'UPSTREAM_TIMEOUT' })
  isSilent = false
  await t.rejects(read(5_000), { code: 'UPSTREAM_PROTOCOL' })
})
