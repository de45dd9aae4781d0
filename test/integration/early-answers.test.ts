import { once } from 'node:events'
import type { Socket } from 'node:net'
import t from 'tap'
import { connectLending } from '../../src/net/lending-socket.ts'
import { openClient } from '../harness/http-client.ts'
import { isLogonCheck } from '../harness/playbook.ts'
import { startProxy } from '../harness/running-proxy.ts'
import { type ScriptedConnection, startScriptedUpstream } from '../harness/scripted-upstream.ts'
import { socketPair } from '../harness/socket-pair.ts'

/** Real sockets: only they lose what was sent before a reset. */

type Test = Pick<typeof t, 'teardown'>
type End = (conn: ScriptedConnection) => void

const REFUSAL = 'This is more than anybody wants here. '.repeat(100)
const BODY = Buffer.alloc(200_000)

/** Answers a body before it has come, and goes away with the rest of it unread. */
async function refusesBodies(test: Test, status: string, end: End) {
  const upstream = await startScriptedUpstream(async conn => {
    for (let head = await conn.nextHead(); head !== undefined; head = await conn.nextHead()) {
      if (isLogonCheck(head)) {
        conn.respond('503 Service Unavailable')
        continue
      }
      await conn.readBody(1000)
      conn.socket.pause()
      conn.respond(status, REFUSAL)
      await new Promise<void>(sent => conn.socket.write('', () => sent()))
      end(conn)
      return
    }
  })
  test.teardown(() => upstream.close())
  return upstream
}

const ENDS: Record<string, End> = {
  'closes with bytes unread': ({ socket }) => void socket.destroy(),
  resets: conn => conn.reset(),
}

for (const [name, end] of Object.entries(ENDS)) {
  for (const status of ['413 Content Too Large', '401 Unauthorized']) {
    t.test(`an early ${status} of an upstream that ${name} reaches the client whole`, async t => {
      const upstream = await refusesBodies(t, status, end)
      const { port, recorder } = await startProxy(t, { upstreams: [upstream.port] })
      for (let round = 0; round < 10; round++) {
        for (const fields of [
          'Content-Length: 100000000',
          'Content-Length: 100000000\r\nConnection: close',
        ]) {
          const client = await openClient(port)
          client.socket.on('error', () => undefined)
          client.send(`PUT http://site.test/ HTTP/1.1\r\nHost: site.test\r\n${fields}\r\n\r\n`)
          const seen = { isAnswered: false }
          const answer = client.readResponse().finally(() => (seen.isAnswered = true))
          while (!seen.isAnswered && client.socket.writable) {
            await new Promise<void>(written => client.socket.write(BODY, () => written()))
          }
          const { status: code, text } = await answer
          t.match({ code, text }, { code: Number(status.slice(0, 3)), text: REFUSAL })
          client.destroy()
        }
      }
      t.equal(recorder.count('upstream.failed'), 0)
    })
  }
}

t.test('what came before a reset can be read although a write has failed', async t => {
  const [far, near] = await socketPair(connectLending)
  if (near.connecting) await once(near, 'connect')
  const pieces: Buffer[] = []
  near.pause().on('data', (piece: Buffer) => pieces.push(piece))
  const failed = new Promise<Error>(resolve => near.once('error', resolve))
  await new Promise<void>(sent => far.write('the answer', () => sent()))
  far.resetAndDestroy()
  await once(far, 'close')
  await writeInVain(near)
  t.equal(near.destroyed, false)
  near.resume()
  t.match(await failed, { code: /^(?:EPIPE|ECONNRESET)$/ })
  t.equal(Buffer.concat(pieces).toString(), 'the answer')
})

/** The system may take the first write before it knows. */
async function writeInVain(socket: Socket): Promise<void> {
  let isTaken = true
  while (isTaken) {
    isTaken = false
    socket.write('more', () => (isTaken = true))
    await new Promise(resolve => setImmediate(resolve))
    await new Promise(resolve => setImmediate(resolve))
  }
}
