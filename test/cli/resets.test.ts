import { readFileSync } from 'node:fs'
import t from 'tap'
import { openClient } from '../harness/http-client.ts'
import { openProxy } from '../harness/playbook.ts'
import { type ProductLogLine, startProduct } from '../harness/product.ts'
import { until } from '../harness/real/until.ts'
import { startScriptedUpstream } from '../harness/scripted-upstream.ts'

const HELLO = 'GET http://a.test/ HTTP/1.1\nHost: a.test'
const REQUESTS = ['GET http://hang.test/', 'CONNECT hang.test:443']

const isAborted = ({ error }: ProductLogLine): boolean => error === 'CLIENT_ABORTED'

async function stopped(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP')
  await until(
    'the stop',
    () => /\) T /.test(readFileSync(`/proc/${pid}/stat`, 'latin1')) || undefined,
  )
}

t.test('a reset that arrives together with a request ends the request', async t => {
  const upstream = await startScriptedUpstream(
    openProxy(async (conn, { head }) => {
      if (head.includes('hang.test')) await conn.hold()
      else conn.respond('200 OK')
    }),
  )
  t.teardown(() => upstream.close())
  const product = await startProduct({
    config: ['Username alice', 'Password x', `Proxy 127.0.0.1:${upstream.port}`],
  })
  t.teardown(() => product.stop())
  for (const [round, request] of REQUESTS.entries()) {
    const client = await openClient(product.port)
    t.equal((await client.request(HELLO)).status, 200)
    await stopped(product.pid)
    // It finds the request and the reset together, which libuv takes for a half-close (net/reset.ts).
    client.socket.write(`${request} HTTP/1.1\r\nHost: hang.test\r\n\r\n`)
    client.socket.resetAndDestroy()
    process.kill(product.pid, 'SIGCONT')
    await until('the request to end', () => product.log().filter(isAborted)[round])
  }
})
