import t from 'tap'
import type { Config } from '../../src/config/index.ts'
import type { KeeperOptions, PacFinder } from '../../src/pac/index.ts'
import { ntlmProxy, openProxy, Playbook, type Reached, type Serve } from '../harness/playbook.ts'

type Test = Pick<typeof t, 'teardown'>

/** Each upstream and origin says its name. */
const named =
  (name: string): Serve =>
  (conn, { head }) =>
    head.startsWith('CONNECT ')
      ? conn.write('HTTP/1.1 200 OK\r\n\r\n')
      : conn.respond('200 OK', `${name} ${head.split(' ')[1] ?? ''}`)

interface StartOptions {
  /** What the script answers; undefined when it cannot be asked. */
  readonly answer: string | undefined | ((url: string, host: string) => string | undefined)
  readonly upstreams?: readonly string[]
  readonly config?: Partial<Config>
  readonly hosts?: Record<string, Reached>
}

function start(test: Test, { answer, upstreams = ['a.test:1'], config, hosts }: StartOptions) {
  const asked: string[] = []
  const openPac = (_: KeeperOptions): PacFinder => ({
    ready: Promise.resolve(),
    find: async (url, host) => {
      asked.push(`${url} ${host}`)
      return Promise.resolve(typeof answer === 'function' ? answer(url, host) : answer)
    },
    close: () => undefined,
  })
  const book = new Playbook(test, {
    hosts: {
      'a.test:1': ntlmProxy({ serve: named('a') }),
      'b.test:2': ntlmProxy({ serve: named('b') }),
      'open.test:3': openProxy(named('open')),
      'origin.test:80': openProxy(named('origin')),
      'origin.test:443': async conn => {
        conn.write(await conn.readToEnd())
        conn.end()
      },
      ...hosts,
    },
    upstreams,
    config: { pac: '/etc/proxy.pac', noProxy: ['*.local'], ...config },
    openPac,
  })
  return { book, asked }
}

const URL = 'http://origin.test/p?q'

const CASES: Record<string, StartOptions & { readonly gets: string; readonly dials: string[] }> = {
  'a proxy that a Proxy line names is used with the account': {
    answer: 'PROXY a.test:1',
    gets: `a ${URL}`,
    dials: ['a.test:1'],
  },
  'the order of the answer counts, not that of the Proxy lines': {
    answer: 'PROXY b.test:2; PROXY a.test:1',
    upstreams: ['a.test:1', 'b.test:2'],
    gets: `b ${URL}`,
    dials: ['b.test:2'],
  },
  'DIRECT goes to the origin in its own form': {
    answer: 'DIRECT',
    gets: 'origin /p?q',
    dials: ['origin.test:80'],
  },
  'the next one serves when the first cannot be reached': {
    answer: 'PROXY dead.test:9; PROXY a.test:1; DIRECT',
    gets: `a ${URL}`,
    dials: ['dead.test:9', 'a.test:1'],
  },
  'DIRECT is the last resort where it is named': {
    answer: 'PROXY dead.test:9; DIRECT',
    gets: 'origin /p?q',
    dials: ['dead.test:9', 'origin.test:80'],
  },
  'an unknown proxy is used as long as it wants no logon': {
    answer: 'PROXY open.test:3',
    gets: `open ${URL}`,
    dials: ['open.test:3'],
  },
  'an unknown proxy that wants a logon gets none, and the next one serves': {
    answer: 'PROXY b.test:2; PROXY a.test:1',
    gets: `a ${URL}`,
    dials: ['b.test:2', 'a.test:1'],
  },
  'PacTrust lets it have the account': {
    answer: 'PROXY b.test:2',
    config: { pacTrust: ['*.test:2'] },
    gets: `b ${URL}`,
    dials: ['b.test:2'],
  },
  'a script that cannot be asked leaves it to the Proxy lines': {
    answer: undefined,
    gets: `a ${URL}`,
    dials: ['a.test:1'],
  },
  'or to the direct way, without Proxy lines': {
    answer: undefined,
    upstreams: [],
    gets: 'origin /p?q',
    dials: ['origin.test:80'],
  },
  'words that are not understood are never taken for DIRECT': {
    answer: 'SOCKS s:1080; GARBAGE',
    gets: `a ${URL}`,
    dials: ['a.test:1'],
  },
}

for (const [name, { gets, dials, ...options }] of Object.entries(CASES)) {
  t.test(name, async t => {
    const { book, asked } = start(t, options)
    t.match(await book.get(URL), { status: 200, text: gets })
    t.same(book.dials, dials)
    t.same(asked, [`${URL} origin.test`])
  })
}

t.test('NoProxy decides before the script is asked', async t => {
  const { book, asked } = start(t, {
    answer: 'PROXY a.test:1',
    hosts: { 'x.local:80': openProxy(named('local')) },
  })
  t.match(await book.get('http://x.local/'), { text: 'local /' })
  t.same(asked, [])
})

t.test('an untrusted proxy that wants a logon is named to the client', async t => {
  const { book } = start(t, { answer: 'PROXY b.test:2' })
  const answer = await book.get(URL)
  t.equal(answer.status, 502)
  t.match(answer.text, /b\.test:2 demands a logon; only the Pac script names it, and PacTrust/)
  t.equal(book.type3s, 0)
  t.equal(book.requests.includes('check type 1'), false)
})

t.test('a CONNECT asks for https, and falls back from proxy to direct', async t => {
  const { book, asked } = start(t, { answer: 'PROXY dead.test:9; DIRECT' })
  const client = book.client()
  client.send('CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test\r\n\r\nhello')
  t.match(await client.readHead(), /^HTTP\/1\.1 200/)
  client.socket.end()
  t.equal((await client.reader.readToEnd()).toString(), 'hello')
  t.same(asked, ['https://origin.test:443/ origin.test'])
  t.same(book.dials, ['dead.test:9', 'origin.test:443'])
  await book.until(() => book.recorder.count('request.finished') === 1)
  t.match(book.recorder.all('request.finished'), [{ record: { route: 'direct', attempts: 2 } }])
})

t.test('SOCKS5 and Tunnel ports ask the script too', async t => {
  const { book, asked } = start(t, { answer: 'PROXY a.test:1' })
  const target = { host: 'git.test', port: 22 }
  const client = book.client('127.0.0.1', book.port({ kind: 'tunnel', target }))
  await book.until(() => book.requests.includes('CONNECT'))
  t.same(asked, ['https://git.test:22/ git.test'])
  client.destroy()
})

t.test('sessions to one proxy are no way to another one that the script names', async t => {
  const { book } = start(t, {
    answer: url => (url.includes('one') ? 'PROXY a.test:1' : 'PROXY b.test:2'),
    config: { pacTrust: ['b.test:2'] },
  })
  t.match(await book.get('http://one.test/'), { text: 'a http://one.test/' })
  t.match(await book.get('http://two.test/'), { text: 'b http://two.test/' })
  t.match(await book.get('http://one.test/'), { text: 'a http://one.test/' })
})

t.test('what was not understood is said, once for each answer', async t => {
  const { book } = start(t, { answer: 'SOCKS s:1080; PROXY a.test:1' })
  await book.get(URL)
  t.match(book.recorder.all('pac.ignored'), [{ words: ['SOCKS s:1080'] }])
})
