import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { type Config, DEFAULTS } from '../../../src/config/index.ts'
import { type Entropy, formatHostPort, Secret } from '../../../src/core/index.ts'
import { startNtlmUpstream } from '../../../src/demo/index.ts'
import type { GuardRecord } from '../../../src/policy/index.ts'
import {
  buildCredentials,
  fileGuardStore,
  memoryGuardStore,
  Service,
} from '../../../src/service/index.ts'
import { EventRecorder } from '../../harness/event-recorder.ts'
import { FakeClock } from '../../harness/fake-clock.ts'
import { openClient } from '../../harness/http-client.ts'
import { makeTempDir } from '../../harness/temp-dir.ts'

type Test = Pick<typeof t, 'teardown'>

const ALICE = 'CORP\\alice'
const NOTHING: GuardRecord = { rejections: [], exceptions: [] }
const REJECTED: GuardRecord = {
  rejections: [1_700_000_000_000, 1_700_000_060_000],
  exceptions: [1_700_000_050_000],
  refused: { origin: 'ab'.repeat(16), until: 1_700_001_860_000, hadWorked: true },
}
/** What worked, and nothing else: no rejection counts any more. */
const FOUND: GuardRecord = {
  rejections: [],
  exceptions: [],
  readings: { configChangedAt: 1_700_000_000_000.25, tried: [], accepted: 'plain' },
}
const HALF_TRIED: GuardRecord = {
  rejections: [1_700_000_060_000],
  exceptions: [],
  readings: { configChangedAt: 1_700_000_000_000, tried: ['inverted'] },
}
const PENDING: GuardRecord = {
  rejections: [1_700_000_000_000],
  exceptions: [],
  pendingSince: 1_700_000_120_000,
}

/** The same bytes each time: whatever differs between two runs comes from elsewhere. */
const CONSTANT: Entropy = { bytes: length => Buffer.alloc(length, 0x5a) }

function storeIn(directory: string) {
  const recorder = new EventRecorder()
  return { recorder, store: fileGuardStore(directory, CONSTANT, recorder.emit) }
}

t.test('what is saved is there for the next process', async t => {
  const directory = join(makeTempDir(t), 'not', 'yet', 'there')
  const { recorder, store } = storeIn(directory)
  t.equal(store.load(ALICE), undefined)
  for (const record of [REJECTED, FOUND, HALF_TRIED, PENDING]) {
    store.save(ALICE, record)
    t.strictSame(storeIn(directory).store.load(ALICE), record)
  }
  t.strictSame(storeIn(directory).store.load('corp\\ALICE'), PENDING, 'names have no case')
  t.equal(store.load('CORP\\bob'), undefined)
  store.save('CORP\\bob', REJECTED)
  store.save(ALICE, NOTHING)
  t.equal(storeIn(directory).store.load(ALICE), undefined, 'what says nothing is left out')
  t.strictSame(storeIn(directory).store.load('CORP\\bob'), REJECTED)
  t.strictSame(recorder.events, [])
})

t.test('only its owner can read it, and nothing half-written is left', async t => {
  const directory = join(makeTempDir(t), 'state')
  storeIn(directory).store.save(ALICE, PENDING)
  t.strictSame(readdirSync(directory), ['logons.json'])
  const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)
  t.equal(modeOf(directory), '700')
  t.equal(modeOf(join(directory, 'logons.json')), '600')
})

t.test('the name of the account is not in it', async t => {
  const directory = makeTempDir(t)
  storeIn(directory).store.save(ALICE, PENDING)
  const text = readFileSync(join(directory, 'logons.json'), 'utf8')
  t.notMatch(text, /alice|corp/i)
  t.match(JSON.parse(text), { version: 1, salt: '5a'.repeat(16) })
})

t.test('a file that cannot be read is told, counts, and is written anew', async t => {
  const key = 'ab'.repeat(16)
  const contents = [
    '',
    'null',
    '[]',
    '"text"',
    '{"version":1,"salt":"00","accounts":',
    '{"version":2,"salt":"00","accounts":{}}',
    '{"version":1,"accounts":{}}',
    '{"version":1,"salt":5,"accounts":{}}',
    '{"version":1,"salt":"00","accounts":null}',
    `{"version":1,"salt":"00","accounts":{"${key}":null}}`,
    `{"version":1,"salt":"00","accounts":{"${key}":{}}}`,
    `{"version":1,"salt":"00","accounts":{"${key}":{"rejections":["1"]}}}`,
    `{"version":1,"salt":"00","accounts":{"${key}":{"rejections":[1],"pendingSince":"1"}}}`,
    `{"version":1,"salt":"00","accounts":{"${key}":{"rejections":[1e999]}}}`,
    ...[
      'null',
      '{}',
      '{"configChangedAt":"1","tried":[]}',
      '{"configChangedAt":1,"tried":["other"]}',
      '{"configChangedAt":1,"tried":{}}',
      '{"configChangedAt":1,"tried":[],"accepted":"other"}',
    ].map(
      readings =>
        `{"version":1,"salt":"00","accounts":{"${key}":{"rejections":[],"readings":${readings}}}}`,
    ),
    '\0\u0001\u0002',
  ]
  for (const content of contents) {
    const directory = makeTempDir(t)
    writeFileSync(join(directory, 'logons.json'), content)
    const { recorder, store } = storeIn(directory)
    t.equal(store.load(ALICE), 'unreadable', content)
    t.ok(store.save(ALICE, REJECTED))
    t.strictSame(storeIn(directory).store.load(ALICE), REJECTED)
    t.match(recorder.events, [
      {
        type: 'guard.storeFailed',
        reason: /^the file is damaged; it counts as one rejected logon$/,
      },
    ])
  }
})

t.test('what cannot be written is reported once, and the proxy goes on', async t => {
  const file = join(makeTempDir(t), 'a-file')
  writeFileSync(file, '')
  const occupied = makeTempDir(t)
  mkdirSync(join(occupied, 'logons.json'))
  for (const directory of [file, join(file, 'below'), occupied]) {
    const { recorder, store } = storeIn(directory)
    for (let i = 0; i < 3; i++) t.notOk(store.save(ALICE, REJECTED))
    t.match(recorder.events, [
      { type: 'guard.storeFailed', file: join(directory, 'logons.json'), reason: /^E[A-Z]+: / },
    ])
    t.equal(recorder.events.length, 1)
  }
})

t.test('two processes on one file lose nothing of each other', async t => {
  const directory = makeTempDir(t)
  const [one, other] = [storeIn(directory).store, storeIn(directory).store]
  one.load(ALICE)
  other.load(ALICE)
  one.save(ALICE, { rejections: [1], exceptions: [] })
  other.save(ALICE, { rejections: [2], exceptions: [] })
  other.save('CORP\\bob', { rejections: [3], exceptions: [] })
  one.save(ALICE, { rejections: [1, 4], exceptions: [] })
  const { store } = storeIn(directory)
  t.match(store.load(ALICE), { rejections: [1, 2, 4] })
  t.match(store.load('CORP\\bob'), { rejections: [3] })
  one.save(ALICE, { rejections: [], exceptions: [] })
  t.equal(storeIn(directory).store.load(ALICE), undefined, 'an acceptance is one for all')
})

t.test('many processes that save at once lose nothing', async t => {
  const directory = makeTempDir(t)
  const module = new URL('../../../src/service/guard-store.ts', import.meta.url).href
  const script = `
    const { fileGuardStore } = await import(${JSON.stringify(module)})
    const entropy = { bytes: length => Buffer.alloc(length, process.pid) }
    for (let at = 1; at <= 20; at++) {
      const store = fileGuardStore(${JSON.stringify(directory)}, entropy, event => { throw event })
      store.save('CORP\\\\user' + process.pid + '-' + at, { rejections: [at], exceptions: [] })
    }
    console.log(process.pid)`
  const run = promisify(execFile)
  // Whatever lets this process load TypeScript.
  const args = [...process.execArgv, '--input-type=module', '--eval', script]
  const pids = await Promise.all(
    [1, 2, 3].map(async () => (await run(process.execPath, args)).stdout.trim()),
  )
  const { store } = storeIn(directory)
  for (const pid of pids)
    for (let at = 1; at <= 20; at++)
      t.match(store.load(`CORP\\user${pid}-${at}`), { rejections: [at] })
  t.strictSame(readdirSync(directory), ['logons.json'])
})

t.test('the store in memory keeps each account apart', async t => {
  const store = memoryGuardStore()
  t.equal(store.load(ALICE), undefined)
  store.save(ALICE, REJECTED)
  t.strictSame(store.load(ALICE), REJECTED)
  t.equal(store.load('CORP\\bob'), undefined)
  t.equal(memoryGuardStore().load(ALICE), undefined)
})

/** Lets the whole proxy be rejected for good with this password or hash. @returns what it kept. */
async function contentAfterRejection(test: Test, secret: Partial<Config>): Promise<string> {
  const upstream = await startNtlmUpstream({
    accounts: [{ user: 'alice', domain: 'CORP', password: 'the right one' }],
  })
  const directory = makeTempDir(test)
  const { recorder, store } = storeIn(directory)
  const config = {
    ...DEFAULTS,
    username: ALICE,
    ...secret,
    upstreams: [upstream.address],
    listeners: [
      {
        host: '127.0.0.1',
        port: 0,
        serves: { kind: 'http' as const },
        origin: { source: 'test', line: 1, column: 1 },
      },
    ],
  }
  const { credentials, alternative } = buildCredentials(config, 'host')
  const ports = {
    clock: new FakeClock(),
    entropy: CONSTANT,
    emit: recorder.emit,
    guardStore: store,
  }
  const service = new Service({ config, credentials, alternative, configChangedAtMs: 0 }, ports)
  await service.start()
  const client = await openClient(service.addresses[0]?.port ?? 0)
  const { status, text } = await client.request('GET http://a.test/ HTTP/1.1\nHost: a.test')
  client.destroy()
  service.destroy()
  await upstream.close()
  if (status !== 502 || recorder.count('guard.tripped') !== 1) {
    throw new Error(`not rejected by ${formatHostPort(upstream.address)}: ${text}`)
  }
  return readFileSync(join(directory, 'logons.json'), 'utf8')
}

t.test('nothing in the file comes from the password, so no guess can be tried on it', async t => {
  const after = (password: string) => contentAfterRejection(t, { password: new Secret(password) })
  const first = await after('first guess')
  t.match(JSON.parse(first), { accounts: Object })
  t.match(first, /"rejections":\[\d+\]/)
  t.equal(await after('a second, longer guess'), first)
})

t.test('nor from a hash, whose two readings were tried', async t => {
  const after = (byte: number) =>
    contentAfterRejection(t, { passNt: new Secret(Buffer.alloc(16, byte)) })
  const first = await after(1)
  t.match(
    first,
    /"rejections":\[\d+,\d+\],.*"readings":{"configChangedAt":0,"tried":\["inverted","plain"\]}}/,
  )
  t.equal(await after(2), first)
})
