import { renameSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { Admin, type AdminOptions } from '../../src/admin/index.ts'
import { systemClock } from '../../src/core/index.ts'
import { EventRecorder } from '../harness/event-recorder.ts'
import { RawClient, type RawResponse } from '../harness/http-client.ts'
import { freePort } from '../harness/real/port.ts'
import { until } from '../harness/real/until.ts'
import { makeTempDir } from '../harness/temp-dir.ts'
import { status, upstream } from '../unit/admin/status-sample.ts'

type Test = Parameters<typeof makeTempDir>[0]
type Place = NonNullable<Parameters<Admin['moveTo']>[0]>

function adminFor(test: Test, options: Partial<AdminOptions> = {}) {
  const recorder = new EventRecorder()
  const admin = new Admin({
    clock: systemClock,
    nodeVersion: 'v20.0.0',
    status: () => status(),
    work: () => [],
    look: async () => undefined,
    emit: recorder.emit,
    readScripts: () => new Map([['/main.js', 'script']]),
    ...options,
  })
  test.teardown(() => admin.close())
  return { admin, recorder }
}

async function serve(test: Test, options: Partial<AdminOptions> = {}) {
  const at = { host: '127.0.0.1', port: await freePort() }
  const made = adminFor(test, options)
  const move = await made.admin.moveTo(at, [])
  move.commit()
  return { ...made, at }
}

function open(test: Test, at: Place): RawClient {
  const client = new RawClient(connect({ ...at }))
  test.teardown(() => client.destroy())
  return client
}

async function ask(test: Test, at: Place, head: string): Promise<RawResponse> {
  return await open(test, at).request(head)
}

const get = (path: string, ...fields: readonly string[]): string =>
  [`GET ${path} HTTP/1.1`, 'Host: 127.0.0.1', ...fields].join('\n')

t.test(
  'each path is answered, and nothing of it may be kept, framed or read elsewhere',
  async t => {
    const { at } = await serve(t)
    const cases = [
      ['/', 200, /^text\/html/, /<title>tsntlm<\/title>/],
      ['/main.js', 200, /^text\/javascript/, /^script$/],
      ['/style.css', 200, /^text\/css/, /:root/],
      ['/icon.svg', 200, /^image\/svg/, /<svg/],
      ['/livez', 200, /^text\/plain/, /^alive\n$/],
      ['/readyz', 200, /^text\/plain/, /^ready\n$/],
      ['/readyz?x', 200, /^text\/plain/, /^ready\n$/],
      ['/status.json', 200, /^application\/json/, /"version":"1.2.3"/],
      ['/metrics', 200, /^text\/plain; version=0\.0\.4/, /^tsntlm_ready 1$/m],
      ['/nothing', 404, /^text\/plain/, /^there is: \/events \/ /],
      ['/../metrics', 404, /^text\/plain/, /there is/],
    ] as const
    for (const [path, code, type, body] of cases) {
      const answer = await ask(t, at, get(path))
      t.match(
        { ...answer, type: answer.values('content-type')[0] },
        { status: code, type, text: body },
      )
      t.strictSame(answer.values('cache-control'), ['no-store'], path)
      t.strictSame(answer.values('x-content-type-options'), ['nosniff'], path)
      t.match(answer.values('content-security-policy')[0], /^default-src 'none'; script-src 'self'/)
      t.strictSame(answer.values('access-control-allow-origin'), [], path)
    }
  },
)

t.test('HEAD has the fields of GET', async t => {
  const { at } = await serve(t)
  const answer = await ask(t, at, get('/livez').replace('GET', 'HEAD'))
  t.equal(answer.status, 200)
  t.strictSame(answer.values('content-length'), ['6'])
})

t.test('other methods, other names and other sites are refused', async t => {
  const { at } = await serve(t)
  t.equal((await ask(t, at, get('/').replace('GET', 'POST'))).status, 405)
  t.equal((await ask(t, at, 'GET / HTTP/1.1\nHost: evil.example')).status, 421)
  t.equal((await ask(t, at, get('/events', 'Sec-Fetch-Site: cross-site'))).status, 403)
  t.equal((await ask(t, at, 'GET http://evil.example/ HTTP/1.1\nHost: evil.example')).status, 421)
})

t.test('readiness says why not', async t => {
  const down = [upstream('a:8080', { health: 'down' })]
  const { at } = await serve(t, { status: () => status({ upstreams: down }) })
  const { status: code, text } = await ask(t, at, get('/readyz'))
  t.equal(code, 503)
  t.equal(text, 'not ready\nno upstream proxy is usable: a:8080\n')
  t.equal((await ask(t, at, get('/livez'))).status, 200)
})

t.test('who listens to events gets the past and then what is new', async t => {
  const { admin, at } = await serve(t)
  const client = open(t, at)
  client.send(`${get('/events').replaceAll('\n', '\r\n')}\r\n\r\n`)
  t.match(await client.readHead(), /text\/event-stream/)
  const next = async () =>
    (await client.reader.readUntil('\n\n')).toString().replace(/^[0-9a-f]*\r\n/m, '')
  t.match(await next(), /event: history\ndata: \[\]/)
  t.match(await next(), /event: snapshot\ndata: \{"at":\d+,"status":\{"version":"1\.2\.3"/)
  t.match(await next(), /event: snapshot/, 'a second later')
  admin.close()
  await t.rejects(async () => {
    for (;;) await next()
  }, 'the stream ends with the server')
})

t.test('so many may listen and no more', async t => {
  const { at } = await serve(t)
  const listeners = Array.from({ length: 16 }, () => open(t, at))
  for (const listener of listeners) {
    listener.send(`${get('/events').replaceAll('\n', '\r\n')}\r\n\r\n`)
    await listener.readHead()
  }
  t.equal((await ask(t, at, get('/events'))).status, 503)
  t.equal((await ask(t, at, get('/livez'))).status, 200)
  listeners[0]?.destroy()
  await until('a free place', async () => {
    const client = open(t, at)
    client.send(`${get('/events').replaceAll('\n', '\r\n')}\r\n\r\n`)
    return / 200 /.test(await client.readHead()) ? true : undefined
  })
})

t.test('whatever else is open, a health check gets its answer', async t => {
  const { at } = await serve(t)
  const head = (path: string): string => `${get(path).replaceAll('\n', '\r\n')}\r\n\r\n`
  const cases = [
    ['streams of events', head('/events')],
    ['kept open', head('/livez')],
    ['silent', ''],
    ['half a request', 'GET /livez HTTP/1.1\r\nX-A: '],
  ] as const
  for (const [name, bytes] of cases) {
    const clients = Array.from({ length: 100 }, () => open(t, at))
    for (const client of clients) {
      client.socket.on('error', () => undefined)
      client.send(bytes)
    }
    await Promise.all(
      clients.map(async ({ socket }) => {
        if (socket.connecting) await new Promise(resolve => socket.once('connect', resolve))
      }),
    )
    t.equal((await ask(t, at, get('/livez'))).text, 'alive\n', name)
    t.equal((await ask(t, at, get('/readyz'))).text, 'ready\n', name)
    for (const client of clients) client.destroy()
  }
})

t.test(
  'a move binds the new place before it closes the old one, and can be taken back',
  async t => {
    const { admin, at, recorder } = await serve(t)
    const other = { host: '127.0.0.1', port: await freePort() }
    const undone = await admin.moveTo(other, [])
    t.equal((await ask(t, at, get('/livez'))).status, 200)
    undone.undo()
    await t.rejects(ask(t, other, get('/livez')))
    const done = await admin.moveTo(other, [])
    done.commit()
    t.equal((await ask(t, other, get('/livez'))).status, 200)
    await t.rejects(ask(t, at, get('/livez')))
    const same = await admin.moveTo(other, [])
    same.commit()
    t.equal((await ask(t, other, get('/livez'))).status, 200)
    const off = await admin.moveTo(undefined, [])
    off.commit()
    await t.rejects(ask(t, other, get('/livez')))
    const address = (place: typeof at) => `http://127.0.0.1:${place.port}/`
    t.strictSame(
      recorder.events.map(event => ('address' in event ? `${event.type} ${event.address}` : '')),
      [
        `admin.opened ${address(at)}`,
        `admin.closed ${address(at)}`,
        `admin.opened ${address(other)}`,
        `admin.closed ${address(other)}`,
      ],
    )
  },
)

t.test('a place that is taken changes nothing', async t => {
  const { admin, at } = await serve(t)
  const { at: taken } = await serve(t)
  await t.rejects(admin.moveTo(taken, []), { code: 'EADDRINUSE' })
  t.equal((await ask(t, at, get('/livez'))).status, 200)
})

t.test('a socket replaces what a killed process left, and nothing else', async t => {
  const path = join(makeTempDir(t), 'admin.sock')
  const { admin } = adminFor(t)
  const leftOver = createServer()
  await new Promise<void>(resolve => leftOver.listen({ path }, resolve))
  await t.rejects(admin.moveTo({ path }, []), { code: 'EADDRINUSE' }, 'somebody listens')
  // Closing removes the name that it was bound to: the file under another one stays, as after SIGKILL.
  renameSync(path, `${path}.kept`)
  await new Promise(resolve => leftOver.close(resolve))
  renameSync(`${path}.kept`, path)
  const move = await admin.moveTo({ path }, [])
  move.commit()
  t.equal(statSync(path).mode & 0o777, 0o660)
  t.equal((await ask(t, { path }, get('/livez'))).status, 200)
  const file = join(makeTempDir(t), 'file')
  writeFileSync(file, 'kept')
  await t.rejects(admin.moveTo({ path: file }, []), { code: 'EADDRINUSE' })
  t.equal(statSync(file).size, 4)
})

t.test('a bug is reported and answered', async t => {
  const work = () => {
    throw new Error('broken')
  }
  const { at, recorder } = await serve(t, { work })
  t.equal((await ask(t, at, get('/status.json'))).status, 500)
  t.equal(recorder.count('bug'), 1)
})
