import t from 'tap'
import { type HostPort, systemClock } from '../../src/core/index.ts'
import { startNtlmUpstream, startOrigin } from '../../src/demo/index.ts'
import { HostNames, tcpDialer } from '../../src/net/index.ts'
import { createLogger, LineWriter } from '../../src/observe/index.ts'
import { logEvent } from '../../src/observe/log-events.ts'
import { openClient } from '../harness/http-client.ts'
import { ALICE, ntlmProxy } from '../harness/playbook.ts'
import { startProxy } from '../harness/running-proxy.ts'
import { type Script, startScriptedUpstream } from '../harness/scripted-upstream.ts'

const SITE = 'http://origin.demo.test'

async function scripted(test: Pick<typeof t, 'teardown'>, script: Script) {
  const upstream = await startScriptedUpstream(script)
  test.teardown(() => upstream.close())
  return upstream
}

async function request(port: number, head: string, body: string | Buffer = '') {
  const client = await openClient(port)
  client.socket.on('error', () => undefined)
  return await client.request(head, body).finally(() => client.destroy())
}

const get = (port: number, path = '/hello') =>
  request(port, `GET ${SITE}${path} HTTP/1.1\nHost: origin.demo.test`)

t.test('a wrong password of eight clients is one failed logon', async t => {
  const origin = await startOrigin()
  const upstream = await startNtlmUpstream({ accounts: [ALICE], resolve: origin.resolve })
  t.teardown(() => Promise.all([upstream.close(), origin.close()]))
  const { port } = await startProxy(t, { upstreams: [upstream.address.port], password: 'wrong' })
  const answers = await Promise.all(Array.from({ length: 8 }, () => get(port)))
  t.same(new Set(answers.map(({ status }) => status)), new Set([502]))
  t.match(upstream.counters, { type3s: 1, rejected: 1, accepted: 0 })
})

t.test('a broken upstream gives way to the next one', async t => {
  const origin = await startOrigin()
  const good = await startNtlmUpstream({ accounts: [ALICE], resolve: origin.resolve })
  t.teardown(() => Promise.all([good.close(), origin.close()]))
  const gone = await startScriptedUpstream(async () => undefined)
  await gone.close()
  const breaks: Script[] = [
    async conn => conn.reset(),
    async conn => conn.end(),
    async conn => conn.write('220 mail.test ESMTP\r\n'),
    async conn => void (await conn.readHead().then(() => conn.reset())),
  ]
  const ports = [
    gone.port,
    ...(await Promise.all(breaks.map(one => scripted(t, one)))).map(u => u.port),
  ]
  for (const bad of ports) {
    const { port, recorder } = await startProxy(t, { upstreams: [bad, good.address.port] })
    t.match(await get(port), { status: 200 })
    t.match(recorder.all('upstream.down'), [{ upstream: `127.0.0.1:${bad}` }])
    t.match(await get(port), { status: 200 })
  }
})

t.test('the name of an upstream is resolved anew for each connection', async t => {
  const first = await scripted(t, ntlmProxy({ serve: conn => conn.respond('200 OK', 'first') }))
  let answer: readonly string[] = []
  const lookups: string[] = []
  const inner = tcpDialer({
    clock: systemClock,
    timeoutMs: 2_000,
    names: new HostNames({
      clock: systemClock,
      resolve: async host => {
        lookups.push(host)
        if (answer.length === 0) throw new Error('no such name')
        return answer
      },
    }),
  })
  const dialer = {
    dial: (to: HostPort, options: Parameters<typeof inner.dial>[1]) =>
      inner.dial({ host: 'proxy.corp', port: to.port }, options),
  }
  const { port } = await startProxy(t, { upstreams: [first.port], dialer })
  t.match(await get(port), { status: 502, text: /DIAL_DNS/ })
  answer = ['127.0.0.1']
  t.match(await get(port), { status: 200, text: 'first' })
  t.equal(lookups.length, 2)
})

t.test('a client that is reset in mid download costs the session and nothing else', async t => {
  const upstream = await scripted(
    t,
    ntlmProxy({
      serve: async (conn, { head }) => {
        if (!head.includes('/endless')) return conn.respond('200 OK', 'fine')
        conn.write('HTTP/1.1 200 OK\r\n\r\n')
        await conn.writeWithoutEnd('x'.repeat(16_384))
        return false
      },
    }),
  )
  const { port, recorder } = await startProxy(t, { upstreams: [upstream.port] })
  for (const way of ['destroy', 'resetAndDestroy'] as const) {
    const client = await openClient(port)
    client.send(`GET ${SITE}/endless HTTP/1.1\r\nHost: a\r\n\r\n`)
    await client.readHead()
    client.socket.pause()
    client.socket[way]()
    t.match(await recorder.waitFor('request.finished'), {
      record: { error: 'CLIENT_ABORTED', termination: 'CD' },
    })
  }
  t.match(await get(port), { status: 200, text: 'fine' })
  t.equal(recorder.count('upstream.down'), 0)
})

t.test('an answer that breaks off reaches the client as a broken connection', async t => {
  const upstream = await scripted(
    t,
    ntlmProxy({
      serve: conn => {
        conn.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nparts\r\n')
        conn.end()
        return false
      },
    }),
  )
  const { port } = await startProxy(t, { upstreams: [upstream.port] })
  await t.rejects(request(port, `GET ${SITE}/ HTTP/1.0\nHost: a`), /The connection failed/)
  await t.rejects(get(port), /The connection (failed|ended)/)
})

/** Everything that must never be seen outside. */
function secretsOf(heads: readonly string[]): string[] {
  const tokens = heads.flatMap(head => /^Proxy-Authorization: (\S+ )?(\S+)/im.exec(head)?.[2] ?? [])
  return [
    ...tokens,
    'wonderland',
    'wrong-secret',
    'client-secret',
    'Y2xpZW50LXNlY3JldA==',
    'url-secret',
  ]
}

t.test('no secret is in any event, log line or error page, whatever happens', async t => {
  const problems: unknown[] = []
  const onProblem = (problem: unknown): void => void problems.push(problem)
  process.on('unhandledRejection', onProblem)
  process.on('uncaughtExceptionMonitor', onProblem)
  t.teardown(() => {
    process.off('unhandledRejection', onProblem)
    process.off('uncaughtExceptionMonitor', onProblem)
  })
  const pages: string[] = []
  const heads: string[] = []
  const events = []
  const endings: Script[] = [
    ntlmProxy(),
    async conn => conn.reset(),
    ntlmProxy({ schemes: () => ['NTLM TlRMTVNTUAACAAAA'] }),
    ntlmProxy({ serve: conn => void conn.reset() }),
    ntlmProxy({ bodyStyle: 'close' }),
  ]
  for (const password of ['wonderland', 'wrong-secret']) {
    for (const script of endings) {
      const upstream = await scripted(t, script)
      const { port, recorder } = await startProxy(t, { upstreams: [upstream.port], password })
      const fields = [
        'Host: a',
        'Authorization: Bearer client-secret',
        'Proxy-Authorization: Basic Y2xpZW50LXNlY3JldA==',
        'Cookie: id=client-secret',
      ].join('\n')
      for (const line of [
        'GET http://origin.demo.test/x?key=url-secret HTTP/1.1',
        'GET http://u:url-secret@origin.demo.test/ HTTP/1.1',
        'CONNECT u:url-secret@origin.demo.test:443 HTTP/1.1',
        'CONNECT origin.demo.test:443 HTTP/1.1',
        'GET /x?key=url-secret HTTP/1.1',
        'GET http://origin.demo.test/ HTTP/1.1\nbad header client-secret',
      ]) {
        const answer = await request(port, `${line}\n${fields}`).catch((error: unknown) => error)
        if (answer instanceof Error) continue
        const { head, text, status } = answer as { head: string; text: string; status: number }
        if (status >= 400) pages.push(head + text)
      }
      heads.push(...upstream.connections.flatMap(conn => conn.heads))
      events.push(...recorder.events)
    }
  }
  const lines: string[] = []
  for (const format of ['json', 'text'] as const) {
    const destination = { write: (line: string) => void lines.push(line) }
    const writer = new LineWriter({ format, colour: false, journald: false, destination })
    const logger = createLogger('trace', writer)
    for (const event of events) logEvent(logger, event)
  }
  t.ok(lines.length > 200)
  t.ok(pages.length > 30)
  const everything = [...pages, ...lines, JSON.stringify(events)].join('\n')
  const secrets = secretsOf(heads)
  t.ok(secrets.length > 20)
  for (const secret of new Set(secrets)) t.notOk(everything.includes(secret), secret.slice(0, 12))
  t.same(problems, [])
  t.equal(events.filter(({ type }) => type === 'bug').length, 0)
})
