import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import {
  openSource,
  PAC_SIZE_LIMIT,
  type ScriptSource,
  showLocation,
} from '../../../src/pac/index.ts'
import { FakeClock } from '../../harness/fake-clock.ts'
import { run } from '../../harness/real/run.ts'
import { makeTempDir } from '../../harness/temp-dir.ts'
import { failureOf, FakeNames, NEVER } from './sandbox.ts'
import { redirect, script, ScriptServer } from './script-server.ts'

const textOf = async (source: ScriptSource): Promise<string | undefined> =>
  (await source.read(NEVER))?.bytes.toString()

const open = (location: string): ScriptSource =>
  openSource(location, new FakeClock(), new FakeNames().resolve)

t.test('a file is given once, and again when it was replaced, changed or came back', async t => {
  const path = join(makeTempDir(t), 'proxy.pac')
  const source = open(path)
  writeFileSync(path, 'first')
  t.equal(await textOf(source), 'first')
  t.equal(await textOf(source), undefined)
  writeFileSync(`${path}.new`, 'other')
  renameSync(`${path}.new`, path)
  t.equal(await textOf(source), 'other')
  writeFileSync(path, 'longer than before')
  t.equal(await textOf(source), 'longer than before')
  renameSync(path, `${path}.old`)
  t.same(await failureOf(source.read(NEVER)), ['PAC_UNAVAILABLE', 'the file does not exist'])
  renameSync(`${path}.old`, path)
  t.equal(await textOf(source), 'longer than before')
})

t.test('what is no file of a sensible size is not read', async t => {
  const directory = makeTempDir(t)
  const at = (name: string): string => join(directory, name)
  mkdirSync(at('directory'))
  await run('mkfifo', [at('pipe')])
  symlinkSync(at('circle'), at('circle'))
  writeFileSync(at('large'), Buffer.alloc(2_000_000, 'x'))
  writeFileSync(at('limit'), Buffer.alloc(PAC_SIZE_LIMIT, 'x'))
  const cases: [path: string, code: string, detail: string][] = [
    [at('directory'), 'PAC_UNAVAILABLE', 'it is no regular file'],
    [at('pipe'), 'PAC_UNAVAILABLE', 'it is no regular file'],
    ['/dev/zero', 'PAC_UNAVAILABLE', 'it is no regular file'],
    [at('circle'), 'PAC_UNAVAILABLE', 'its symbolic links go round in circles'],
    [at('large/x'), 'PAC_UNAVAILABLE', 'a part of its path is no directory'],
    [at('large'), 'PAC_SYNTAX', 'it has more than 1048576 bytes'],
  ]
  for (const [path, code, detail] of cases) {
    t.same(await failureOf(open(path).read(NEVER)), [code, detail], path)
  }
  t.equal((await open(at('limit')).read(NEVER))?.bytes.length, PAC_SIZE_LIMIT)
})

t.test('a URL is fetched through up to five redirects', async t => {
  const server = await ScriptServer.start(t, {
    '/0': redirect('/1', 301),
    '/1': redirect('/2', 302),
    '/2': redirect('3', 303),
    '/3': redirect('/4', 307),
    '/4': redirect('/5', 308),
    '/5': script('PAC', { 'Content-Type': 'text/plain; charset=koi8-r' }),
    '/circle': redirect('/round'),
    '/round': redirect('/circle'),
    '/self': redirect('/self'),
    '/nowhere': redirect('http://'),
    '/file': redirect('file:///etc/passwd'),
  })
  server.answers['/-1'] = redirect('/0')
  const read = await open(server.url('/0')).read(NEVER)
  t.match(read, { contentType: 'text/plain; charset=koi8-r' })
  t.equal(read?.bytes.toString(), 'PAC')
  const cases: [path: string, detail: string][] = [
    ['/-1', 'more than 5 redirects'],
    ['/circle', 'its redirects go round in circles'],
    ['/self', 'its redirects go round in circles'],
    ['/nowhere', 'its server redirects to nowhere'],
    ['/file', 'its server redirects to a file: URL'],
  ]
  for (const [path, detail] of cases) {
    t.same(await failureOf(open(server.url(path)).read(NEVER)), ['PAC_UNAVAILABLE', detail], path)
  }
})

t.test('an answer that is not the whole script is refused', async t => {
  const server = await ScriptServer.start(t, {
    '/500': (_, response) => response.writeHead(500).end(),
    '/304': (_, response) => response.writeHead(304).end(),
    '/gzip': script('x', { 'Content-Encoding': 'gzip' }),
    '/cut': (_, response) => {
      response.writeHead(200, { 'Content-Length': '100' }).write('half', () => response.destroy())
    },
    '/cut-chunk': (_, response) =>
      void response.writeHead(200).write('half', () => response.destroy()),
    '/large': script(Buffer.alloc(2_000_000, 'x')),
    '/endless': (_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      }
      response.writeHead(200).on('drain', more)
      more()
    },
  })
  const cut = 'the connection was closed before the script was complete'
  const cases: [path: string, code: string, detail: string][] = [
    ['/404', 'PAC_UNAVAILABLE', 'its server answers with status 404'],
    ['/500', 'PAC_UNAVAILABLE', 'its server answers with status 500'],
    ['/304', 'PAC_UNAVAILABLE', 'its server answers with status 304'],
    ['/gzip', 'PAC_UNAVAILABLE', 'its server sends it compressed without being asked to'],
    ['/cut', 'PAC_UNAVAILABLE', cut],
    ['/cut-chunk', 'PAC_UNAVAILABLE', cut],
    ['/large', 'PAC_SYNTAX', 'it has more than 1048576 bytes'],
    ['/endless', 'PAC_SYNTAX', 'it has more than 1048576 bytes'],
  ]
  for (const [path, code, detail] of cases) {
    t.same(await failureOf(open(server.url(path)).read(NEVER)), [code, detail], path)
  }
  const closed = open('http://127.0.0.1:1/p')
  t.same(await failureOf(closed.read(NEVER)), [
    'PAC_UNAVAILABLE',
    'its server refuses the connection',
  ])
})

t.test('a server has ten seconds for everything together', async t => {
  const clock = new FakeClock()
  const arrivals: (() => void)[] = []
  const arrival = (): Promise<void> => new Promise(resolve => void arrivals.push(resolve))
  const server = await ScriptServer.start(t, {
    '/mute': () => arrivals.pop()?.(),
    '/slow': (_, response) => void response.writeHead(200).write('one', () => arrivals.pop()?.()),
  })
  for (const path of ['/mute', '/slow']) {
    const arrived = arrival()
    const failure = failureOf(
      openSource(server.url(path), clock, new FakeNames().resolve).read(NEVER),
    )
    await arrived
    clock.advance(9_999)
    t.equal(clock.pendingTimers, 1)
    clock.advance(1)
    t.same(await failure, ['PAC_UNAVAILABLE', 'no complete answer within 10 seconds'], path)
  }
  const leaving = new AbortController()
  const arrived = arrival()
  const failure = failureOf(
    openSource(server.url('/mute'), clock, new FakeNames().resolve).read(leaving.signal),
  )
  await arrived
  leaving.abort()
  t.same((await failure)[0], 'CLIENT_ABORTED')
  t.equal(clock.pendingTimers, 0)
})

t.test('what is not HTTP is refused', async t => {
  const server = createServer(socket => socket.end('SSH-2.0-OpenSSH_9.2\r\n'))
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  t.teardown(() => server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it has a port')
  const [code] = await failureOf(open(`http://127.0.0.1:${address.port}/`).read(NEVER))
  t.equal(code, 'PAC_UNAVAILABLE')
})

t.test('an unchanged script is not sent again, and validators go to no other URL', async t => {
  const conditional: Parameters<typeof ScriptServer.start>[1] = {
    '/etag': (request, response) => {
      if (request.headers['if-none-match'] === '"1"') response.writeHead(304).end()
      else response.writeHead(200, { ETag: '"1"' }).end('PAC')
    },
    '/dated': (request, response) => {
      const date = 'Wed, 25 Nov 2026 12:00:00 GMT'
      if (request.headers['if-modified-since'] === date) response.writeHead(304).end()
      else response.writeHead(200, { 'Last-Modified': date }).end('PAC')
    },
    '/plain': script('PAC'),
    '/moved': redirect('/etag'),
  }
  const server = await ScriptServer.start(t, conditional)
  for (const [path, again] of [
    ['/etag', undefined],
    ['/dated', undefined],
    ['/plain', 'PAC'],
    ['/moved', undefined],
  ] as const) {
    const source = open(server.url(path))
    t.equal(await textOf(source), 'PAC', path)
    t.equal(await textOf(source), again, path)
  }
  const source = open(server.url('/moved'))
  await textOf(source)
  server.answers['/moved'] = redirect('/plain')
  await textOf(source)
  t.equal(server.asked.at(-1)?.headers['if-none-match'], undefined)
})

t.test('the request says little', async t => {
  const server = await ScriptServer.start(t, { '/p?site=1': script('PAC') })
  await open(server.url('/p?site=1#part')).read(NEVER)
  const { host, ...headers } = server.asked[0]?.headers ?? {}
  t.match(host, /^127\.0\.0\.1:/)
  t.same(headers, {
    accept: '*/*',
    'accept-encoding': 'identity',
    connection: 'close',
    'user-agent': 'tsntlm',
  })
})

t.test('a location is shown without what may be secret', async t => {
  const cases: [location: string, shown: string][] = [
    ['/etc/proxy.pac', '/etc/proxy.pac'],
    ['http://wpad/proxy.pac?key=secret#secret', 'http://wpad/proxy.pac'],
    ['https://user:secret@wpad:8443/p', 'https://wpad:8443/p'],
  ]
  for (const [location, shown] of cases) t.equal(showLocation(location), shown)
})
