import { createServer } from 'node:net'
import t from 'tap'
import { DEFAULTS } from '../../../src/config/index.ts'
import { systemClock } from '../../../src/core/index.ts'
import { judgeAnswer, LISTENER } from '../../../src/doctor/listener.ts'
import { tcpDialer } from '../../../src/net/index.ts'
import { freePort } from '../../harness/real/port.ts'
import { listenAt, runCheck } from './host.ts'

type Test = Pick<typeof t, 'teardown'>

async function answering(test: Test, answer: string): Promise<number> {
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    socket.end(answer)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  test.teardown(() => server.close())
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

t.test('each port is asked, but none whose address is missing', async t => {
  const good = await answering(t, 'HTTP/1.1 200 OK\r\n\r\n')
  const listeners = [
    listenAt('127.0.0.1', await freePort()),
    listenAt('127.0.0.1', await answering(t, 'HTTP/1.1 403 Forbidden\r\n\r\n')),
    listenAt('127.0.0.1', await answering(t, 'SSH-2.0-x\r\n')),
    listenAt('127.0.0.1', good),
    listenAt('172.17.0.1'),
  ]
  const dialer = tcpDialer({ clock: systemClock, timeoutMs: 3_000 })
  const { lines, learned } = await runCheck(
    LISTENER,
    { config: { ...DEFAULTS, listeners }, absent: ['172.17.0.1'] },
    { ports: { clock: systemClock, dialer } },
  )
  t.match(lines, [
    /^problem The connection was refused/,
    /^note .* answers, but Allow and Deny keep this host itself out/,
    /^problem something else than tsntlm/,
    /^ok .* answers/,
    'skipped 172.17.0.1:3128: no interface has it',
  ])
  t.strictSame(learned, { isServing: true, answering: { host: '127.0.0.1', port: good } })
})

t.test('a port that is silent is a problem, no port is none', async t => {
  t.equal(judgeAnswer('a:1', { kind: 'silent', text: 'x' }).verdict, 'problem')
  t.match((await runCheck(LISTENER)).lines, [/^skipped there is neither/])
})
