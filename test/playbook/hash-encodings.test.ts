import t from 'tap'
import { Secret } from '../../src/core/index.ts'
import { credentialsFromHashes } from '../../src/ntlm/index.ts'
import { ntowfv1 } from '../../src/ntlm/one-way-functions.ts'
import { memoryGuardStore } from '../../src/service/index.ts'
import { FakeClock } from '../harness/fake-clock.ts'
import {
  ALICE,
  getRequest,
  ntlmProxy,
  Playbook,
  type PlaybookOptions,
  PROXY,
} from '../harness/playbook.ts'
import type { Script } from '../harness/scripted-upstream.ts'

type Test = Pick<typeof t, 'teardown'>

const URL = 'http://site.test/'
const MINUTE = 60_000
const PLAIN = ntowfv1(ALICE.password)
const INVERTED = Buffer.from(PLAIN.map(byte => byte ^ 0xff))
const WRONG = ntowfv1('wonderland!')

/** The proxy with a PassNT that does not tell how it was written down. */
function withHash(
  test: Test,
  passNt: Buffer,
  options: Partial<PlaybookOptions> & { readonly configChangedAtMs?: number } = {},
): Playbook {
  const { configChangedAtMs = 0, ...others } = options
  const { credentials, alternative } = credentialsFromHashes({
    user: ALICE.user,
    domain: ALICE.domain,
    workstation: 'CLIENT',
    dialect: 'NTLMv2',
    passNt: new Secret(Buffer.from(passNt)),
    encoding: 'auto',
  })
  return new Playbook(test, {
    hosts: { [PROXY]: ntlmProxy() },
    ...others,
    input: { credentials, alternative, configChangedAtMs },
  })
}

/** One request of each kind, its answer awaited. */
async function ask(book: Playbook, kind: string) {
  if (kind === 'GET') return await book.get(URL)
  const client = book.client()
  if (kind === 'CONNECT') return await client.request('CONNECT site.test:443 HTTP/1.1\nHost: a')
  return await client.request(`POST ${URL} HTTP/1.1\nHost: site.test\nContent-Length: 3`, 'abc')
}

t.test('inverted hashes, as cntlm 0.92 wrote them, are right at the first try', async t => {
  const book = withHash(t, INVERTED)
  t.match(await book.get(URL), { status: 200 })
  t.equal(book.type3s, 1)
  t.match(book.recorder.all('credential.reading'), [
    { account: 'DEMO\\alice', reading: 'inverted' },
  ])
  t.equal(book.recorder.count('credential.misread'), 0)
})

t.test('plain hashes are right at the second try, within the same request', async t => {
  for (const kind of ['GET', 'CONNECT', 'POST']) {
    const book = withHash(t, PLAIN)
    t.match(await ask(book, kind), { status: 200 }, kind)
    t.equal(book.type3s, 2)
    t.equal(book.recorder.count('guard.tripped'), 0)
    t.match(book.recorder.all('credential.misread'), [
      { account: 'DEMO\\alice', upstream: PROXY, next: 'plain' },
    ])
    t.match(book.recorder.all('credential.reading'), [{ account: 'DEMO\\alice', reading: 'plain' }])
    t.match(await ask(book, kind), { status: 200 })
    t.equal(book.recorder.count('credential.misread'), 1)
  }
})

t.test('a logon that rides on the request is done anew with it', async t => {
  // Answers no logon check, so that the password is proven by requests themselves.
  const silent = ntlmProxy({ ignoresChecks: true })
  for (const kind of ['GET', 'POST']) {
    const book = withHash(t, PLAIN, { hosts: { [PROXY]: silent } })
    t.match(await book.passUntil(ask(book, kind)), { status: 200 }, kind)
    t.equal(book.type3s, 2)
    t.notMatch(book.requests.join(), /check type 3/)
  }
})

t.test('eight clients at once cost two AUTHENTICATEs at most', async t => {
  for (const kind of ['GET', 'CONNECT', 'POST']) {
    const right = withHash(t, PLAIN)
    const served = await Promise.all(Array.from({ length: 8 }, () => ask(right, kind)))
    t.same(new Set(served.map(({ status }) => status)), new Set([200]), kind)
    t.equal(right.recorder.count('credential.misread'), 1)

    const wrong = withHash(t, WRONG)
    const refused = await Promise.all(Array.from({ length: 8 }, () => ask(wrong, kind)))
    t.same(new Set(refused.map(({ status }) => status)), new Set([502]), kind)
    t.equal(wrong.type3s, 2)
    await wrong.until(() => wrong.open === 0)
  }
})

t.test('when both readings are wrong, two AUTHENTICATEs are all there ever is', async t => {
  const guardStore = memoryGuardStore()
  const clock = new FakeClock()
  const book = withHash(t, WRONG, { guardStore, clock })
  t.match(await book.get(URL), { status: 502, text: /AUTH_REJECTED/ })
  t.equal(book.type3s, 2)
  t.match(book.recorder.all('guard.tripped'), [{ upstream: PROXY, forMs: undefined }])
  t.match(await book.get(URL), {
    status: 502,
    text: /in both readings of its hashes; .* until the configuration file is changed/,
  })
  clock.advance(1_000 * MINUTE)
  t.match(await book.get(URL), { status: 502, text: /AUTH_LOCKED_OUT/ })
  t.equal(book.type3s, 2)
  book.destroy()

  const second = withHash(t, WRONG, { guardStore, clock })
  t.match(await second.get(URL), { status: 502, text: /in both readings of its hashes/ })
  t.equal(second.type3s, 0)
  second.destroy()

  const corrected = withHash(t, PLAIN, { guardStore, clock, configChangedAtMs: 1 })
  t.match(await corrected.get(URL), { status: 200 }, 'a file that was changed starts over')
  t.equal(corrected.type3s, 2)
})

t.test('what worked is known to the next process, until the file is changed', async t => {
  const guardStore = memoryGuardStore()
  const clock = new FakeClock()
  const first = withHash(t, PLAIN, { guardStore, clock })
  t.match(await first.get(URL), { status: 200 })
  first.destroy()

  const second = withHash(t, PLAIN, { guardStore, clock })
  t.match(await second.get(URL), { status: 200 })
  t.equal(second.type3s, 1, 'no failed logon')
  second.destroy()

  const changed = withHash(t, INVERTED, { guardStore, clock, configChangedAtMs: 1 })
  t.match(await changed.get(URL), { status: 200 })
  t.equal(changed.type3s, 1)
})

t.test('a restart in the middle goes on with the other reading', async t => {
  const dying: Script = async conn => {
    if (conn.number > 1) return await conn.hold()
    await ntlmProxy()(conn)
  }
  const guardStore = memoryGuardStore()
  const clock = new FakeClock()
  const first = withHash(t, PLAIN, { guardStore, clock, hosts: { [PROXY]: dying } })
  void first.get(URL).catch(() => undefined)
  await first.until(() => first.recorder.count('credential.misread') === 1)
  await first.settle()
  first.destroy()
  t.equal(first.type3s, 1)

  const second = withHash(t, PLAIN, { guardStore, clock })
  t.match(await second.get(URL), { status: 200 })
  t.equal(second.type3s, 1)
})

t.test('a password that is changed later does not bring the other reading back', async t => {
  const guardStore = memoryGuardStore()
  const clock = new FakeClock()
  const first = withHash(t, PLAIN, { guardStore, clock })
  await first.get(URL)
  first.destroy()

  // The same file; what it holds is no longer the password, in no reading.
  const second = withHash(t, WRONG, { guardStore, clock })
  t.match(await second.get(URL), { status: 502, text: /AUTH_REJECTED/ })
  t.match(await second.get(URL), { status: 502, text: /not sent again for 1800 s/ })
  t.equal(second.type3s, 1)
  t.equal(second.recorder.count('credential.misread'), 0)
})

t.test('the other reading is shown to the next upstream when the first is gone', async t => {
  const hosts: PlaybookOptions['hosts'] = { 'proxy-b.test:2': ntlmProxy() }
  const leaving: Script = async conn => {
    hosts['proxy-a.test:1'] = 'refuses'
    await ntlmProxy()(conn)
  }
  hosts['proxy-a.test:1'] = leaving
  const book = withHash(t, PLAIN, { hosts, upstreams: ['proxy-a.test:1', 'proxy-b.test:2'] })
  t.match(await book.get(URL), { status: 200 })
  t.equal(book.type3s, 2)
  t.same(book.dials, ['proxy-a.test:1', 'proxy-a.test:1', 'proxy-b.test:2'])
})

t.test('a body that cannot be sent again is not, and the next request is served', async t => {
  // Answers no logon check: the body goes out with the first reading.
  const silent = ntlmProxy({ ignoresChecks: true })
  const book = withHash(t, PLAIN, { hosts: { [PROXY]: silent } })
  const long = 'x'.repeat(200_000)
  const head = `POST ${URL} HTTP/1.1\nHost: site.test\nContent-Length: ${long.length}`
  t.match(await book.passUntil(book.client().request(head, long)), {
    status: 502,
    text: /the other reading of its hashes is used from now on, so send the request again/,
  })
  t.equal(book.type3s, 1)
  t.match(await book.client().request(getRequest(URL)), { status: 200 })
  t.equal(book.type3s, 2)
})
