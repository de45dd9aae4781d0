import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Timer } from '../../../src/core/index.ts'
import { createPac, type KeeperOptions, openPac, type PacFinder } from '../../../src/pac/index.ts'
import { EventRecorder } from '../../harness/event-recorder.ts'
import { FakeClock } from '../../harness/fake-clock.ts'
import { makeTempDir } from '../../harness/temp-dir.ts'
import { failureOf, FakeNames, hasQuickJs, NEVER, scriptOf } from './sandbox.ts'
import { script, ScriptServer } from './script-server.ts'

const MINUTE = 60_000

/** Tells when a timer of some length was set: when the keeper is done and waits for its next look. */
class WatchedClock extends FakeClock {
  #watchers: { readonly ms: number; readonly seen: () => void }[] = []

  override setTimer(ms: number, fn: () => void): Timer {
    const seen = this.#watchers.filter(watcher => watcher.ms === ms)
    this.#watchers = this.#watchers.filter(watcher => watcher.ms !== ms)
    for (const watcher of seen) watcher.seen()
    return super.setTimer(ms, fn)
  }

  timerSet(ms: number): Promise<void> {
    return new Promise(seen => void this.#watchers.push({ ms, seen }))
  }
}

interface Kept {
  readonly pac: PacFinder
  readonly clock: WatchedClock
  readonly events: EventRecorder
  /** Settles when the first look is over. */
  readonly begun: Promise<void>
  readonly ask: (host?: string) => Promise<string | undefined>
  /** Moves time on, and waits until the look that was due is over. The next one is due after `nextMs`. */
  readonly pass: (ms: number, nextMs?: number) => Promise<void>
}

const POLL = 5_000

function keep(
  t: Test,
  location: string,
  nextMs: number,
  options: Partial<KeeperOptions> = {},
): Kept {
  const clock = new WatchedClock()
  const events = new EventRecorder()
  const { emit } = events
  const { resolve } = new FakeNames()
  const begun = clock.timerSet(nextMs)
  const given = { location, refreshMs: 5 * MINUTE, clock, emit, resolve, create: createPac }
  const pac = openPac({ ...given, ...options })
  t.teardown(() => pac.close())
  return {
    pac,
    clock,
    events,
    begun,
    ask: (host = 'h') => pac.find(`http://${host}/`, host, NEVER),
    pass: async (ms, next = POLL) => {
      const over = clock.timerSet(next)
      clock.advance(ms)
      await over
    },
  }
}

const answering = (answer: string): string => scriptOf(`return "${answer}"`)

if (await hasQuickJs(t)) {
  t.test('a file is loaded at the start, and its script answers', async t => {
    const location = join(makeTempDir(t), 'proxy.pac')
    writeFileSync(location, `\ufeff${answering('PROXY a:1')}`)
    const { pac, events, ask, clock, begun } = keep(t, location, POLL)
    t.equal(await ask(), 'PROXY a:1', 'a question waits for the script')
    await pac.ready
    const bytes = answering('PROXY a:1').length + 3
    t.same(events.events, [{ type: 'pac.loaded', location, bytes }])
    await begun
    pac.close()
    t.equal(await ask(), undefined)
    t.equal(clock.pendingTimers, 0)
  })

  t.test('a file is loaded again when it was changed, and the last good copy stays', async t => {
    const location = join(makeTempDir(t), 'proxy.pac')
    const { events, ask, begun, pass } = keep(t, location, POLL)
    await begun
    t.equal(await ask(), undefined, 'there is none yet')
    const failed = { type: 'pac.failed', location, keepsOld: false }
    const missing = { error: 'PAC_UNAVAILABLE', detail: 'the file does not exist' }
    t.same(events.events.splice(0), [{ ...failed, ...missing }])
    const good = answering('PROXY a:1')
    const loaded = { type: 'pac.loaded', location, bytes: good.length }
    const kept = { ...failed, keepsOld: true }
    const steps: [content: string | undefined, event: object, answer: string | undefined][] = [
      ['<html>', { ...failed, error: 'PAC_SYNTAX' }, undefined],
      [good, loaded, 'PROXY a:1'],
      ['}', { ...kept, error: 'PAC_SYNTAX' }, 'PROXY a:1'],
      ['', { ...kept, error: 'PAC_SYNTAX', detail: 'it is empty' }, 'PROXY a:1'],
      [answering('PROXY b:1'), loaded, 'PROXY b:1'],
      [undefined, { ...kept, ...missing }, 'PROXY b:1'],
      [answering('PROXY b:1'), loaded, 'PROXY b:1'],
    ]
    for (const [content, event, answer] of steps) {
      if (content === undefined) rmSync(location)
      else {
        writeFileSync(`${location}.new`, content)
        renameSync(`${location}.new`, location)
      }
      await pass(POLL)
      t.match(events.events.splice(0), [event], content ?? 'no file')
      t.equal(await ask(), answer)
    }
  })

  t.test('what does not change is not reported again', async t => {
    const location = join(makeTempDir(t), 'proxy.pac')
    const { begun, events, pass } = keep(t, location, POLL)
    await begun
    for (let i = 0; i < 5; i++) await pass(POLL)
    t.equal(events.events.length, 1)
  })

  t.test('a broken file is tried again later and later, a changed one at once', async t => {
    const location = join(makeTempDir(t), 'proxy.pac')
    writeFileSync(location, 'first try')
    let tries = 0
    const create: typeof createPac = (source, options, signal) => {
      tries++
      return createPac(source, options, signal)
    }
    const { begun, events, ask, pass, clock } = keep(t, location, POLL, { create })
    await begun
    const triedAt: number[] = []
    while (clock.now() < 160_000) {
      const before = tries
      await pass(POLL)
      if (tries > before) triedAt.push(clock.now() / 1000)
    }
    t.same(triedAt, [5, 15, 35, 75, 155])
    t.equal(events.events.length, 1)
    writeFileSync(location, answering('DIRECT'))
    await pass(POLL)
    t.equal(await ask(), 'DIRECT')
  })

  t.test('a URL is fetched again after PacRefresh, and kept while it is the same', async t => {
    let version = 1
    const server = await ScriptServer.start(t, {
      '/p?key=secret': (request, response) => {
        const etag = `"${version}"`
        if (request.headers['if-none-match'] === etag) response.writeHead(304).end()
        else response.writeHead(200, { ETag: etag }).end(answering(`PROXY v${version}:1`))
      },
    })
    const { begun, events, ask, pass, clock } = keep(t, server.url('/p?key=secret'), 5 * MINUTE)
    await begun
    t.equal(await ask(), 'PROXY v1:1')
    clock.advance(5 * MINUTE - 1)
    t.equal(server.asked.length, 1)
    await pass(1, 5 * MINUTE)
    t.equal(server.asked.length, 2)
    t.equal(await ask(), 'PROXY v1:1')
    t.equal(events.events.length, 1)
    version = 2
    await pass(5 * MINUTE, 5 * MINUTE)
    t.equal(await ask(), 'PROXY v2:1')
    const bytes = answering('PROXY v1:1').length
    const loaded = { type: 'pac.loaded', location: server.url('/p'), bytes }
    t.same(events.events, [loaded, loaded])
  })

  t.test('a URL that fails is tried again after 5 seconds, 10, 20 ... and 5 minutes', async t => {
    const server = await ScriptServer.start(t)
    const kept = keep(t, server.url('/p'), POLL, { refreshMs: 0 })
    const { begun, events, ask, clock, pass } = kept
    await begun
    t.same(events.events.splice(0), [
      {
        type: 'pac.failed',
        location: server.url('/p'),
        error: 'PAC_UNAVAILABLE',
        detail: 'its server answers with status 404',
        keepsOld: false,
      },
    ])
    const delays = [5, 10, 20, 40, 80, 160, 300, 300, 300].map(seconds => seconds * 1000)
    for (const [index, delay] of delays.slice(0, -1).entries()) {
      clock.advance(delay - 1)
      t.equal(server.asked.length, index + 1, `not before ${delay} ms`)
      const next = delays[index + 1]
      // A fetch has a time limit of the same length.
      const fetching = next === 10_000 ? clock.timerSet(next) : undefined
      const over = pass(1, next)
      if (fetching !== undefined) {
        await fetching
        await clock.timerSet(10_000)
      }
      await over
    }
    t.equal(events.events.length, 0)
    server.answers['/p'] = script(answering('DIRECT'))
    clock.advance(300_000)
    await events.waitFor('pac.loaded')
    t.equal(await ask(), 'DIRECT')
    clock.advance(24 * 60 * MINUTE)
    t.equal(server.asked.length, 10, 'PacRefresh off: never again')
  })

  t.test('a server that says nothing delays the start for 3 seconds', async t => {
    const server = await ScriptServer.start(t, { '/p': () => undefined })
    const { clock, ask } = keep(t, server.url('/p'), POLL)
    const early = ask()
    clock.advance(3_000)
    t.equal(await early, undefined)
    t.equal(await ask(), undefined)
  })

  t.test('a question without an answer is reported, that of a client that left is not', async t => {
    const location = join(makeTempDir(t), 'proxy.pac')
    writeFileSync(location, scriptOf('alert("hello"); if (host === "h") return 1; return "DIRECT"'))
    const { pac, events, ask } = keep(t, location, POLL)
    t.equal(await ask(), undefined)
    t.match(events.all('pac.faulted'), [
      {
        location,
        error: 'PAC_SYNTAX',
        detail: 'FindProxyForURL gave number for h, not a string',
      },
    ])
    t.same(events.all('pac.alert'), [{ type: 'pac.alert', location, text: 'hello' }])
    t.equal(await ask('other'), 'DIRECT')
    const left = failureOf(pac.find('http://h/', 'h', AbortSignal.abort()).then(String))
    t.equal((await left)[0], 'CLIENT_ABORTED')
    t.equal(events.count('pac.faulted'), 1)
  })
}
