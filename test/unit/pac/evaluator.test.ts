import t from 'tap'
import type { CancelSignal } from '../../../src/core/index.ts'
import { FakeClock } from '../../harness/fake-clock.ts'
import {
  failureOf,
  FakeNames,
  find,
  hasQuickJs,
  load,
  NEVER,
  scriptOf,
  tickingClock,
} from './sandbox.ts'

const KIB = 1024

if (await hasQuickJs(t)) {
  t.test('the script gets URL and host as browsers give them', async t => {
    const pac = await load(scriptOf('return url + " " + host'))
    const cases: [url: string, seen: string][] = [
      ['http://h.example/a/b?c=d', 'http://h.example/a/b?c=d'],
      ['http://user:secret@h.example/a#part', 'http://h.example/a'],
      ['https://h.example/a/b?token=1#part', 'https://h.example/'],
      ['https://user:secret@h.example:8443/a', 'https://h.example:8443/'],
      ['wss://h.example/chat?room=1', 'wss://h.example/'],
      ['ws://h.example/chat', 'ws://h.example/chat'],
      ['ftp://h.example/pub/file', 'ftp://h.example/pub/file'],
    ]
    for (const [url, seen] of cases) {
      t.equal(await find(pac, 'h.example', url), `${seen} h.example`, url)
    }
    const [code] = await failureOf(find(pac, 'h', 'no url'))
    t.equal(code, 'BAD_TARGET')
  })

  t.test('a script keeps its globals from one question to the next', async t => {
    const pac = await load(`var count = 0; ${scriptOf('return "PROXY p:" + ++count')}`)
    t.equal(await find(pac), 'PROXY p:1')
    t.equal(await find(pac), 'PROXY p:2')
  })

  t.test('scripts in many styles have their function found', async t => {
    const cases: [style: string, source: string][] = [
      ['a function', scriptOf('return "ok"')],
      ['a variable', 'var FindProxyForURL = function (url, host) { return "ok" }'],
      ['a constant', 'const FindProxyForURL = (url, host) => "ok"'],
      ['Windows IPv6', 'function FindProxyForURLEx(url, host) { return "ok" }'],
      ['both', `${scriptOf('return "ok"')}; function FindProxyForURLEx() { return "Ex" }`],
      ['HTML comment', `<!-- hidden from old browsers\n${scriptOf('return "ok"')}\n//-->`],
      ['helpers of its own', `function isInNet() { return "ok" }; ${scriptOf('return isInNet()')}`],
      ['ES2020', scriptOf('const o = { a: [1n] }; return o?.b ?? (o.a?.[0] === 1n ? "ok" : `no`)')],
      [
        'classes',
        `class P { #a = "ok"; get a() { return this.#a } }; ${scriptOf('return new P().a')}`,
      ],
    ]
    for (const [style, source] of cases) t.equal(await find(await load(source)), 'ok', style)
  })

  t.test('the sandbox has no way out', async t => {
    const names = [
      'process',
      'require',
      'globalThis.process',
      'fetch',
      'XMLHttpRequest',
      'WebAssembly',
    ]
    const kinds = names.map(name => `typeof ${name}`).join(' + " " + ')
    const pac = await load(scriptOf(`return ${kinds}`))
    t.equal(await find(pac), names.map(() => 'undefined').join(' '))
    const outside = await load(scriptOf('return dnsResolve.constructor("return typeof process")()'))
    t.equal(await find(outside), 'undefined')
  })

  t.test('a script that cannot work is refused when it is loaded', async t => {
    const cases: [source: string, detail: RegExp][] = [
      ['function FindProxyForURL( {', /^SyntaxError: .* in line 1$/],
      ['\n\nreturn 1 +', /in line 3$/],
      ['throw new Error("not\\ntoday")', /^Error: not today in line 1$/],
      ['throw null', /null/],
      ['missing()', /^ReferenceError: missing is not defined in line 1$/],
      ['import fs from "node:fs"', /^SyntaxError/],
      ['var FindProxyForURL = "PROXY a:1"', /no function FindProxyForURL/],
      ['function findproxyforurl() {}', /no function FindProxyForURL/],
      ['', /no function FindProxyForURL/],
    ]
    for (const [source, expected] of cases) {
      const [code, detail] = await failureOf(load(source))
      t.equal(code, 'PAC_SYNTAX', source)
      t.match(detail, expected, source)
    }
  })

  t.test(
    'an answer that is no string is a failure, and the next question is asked anew',
    async t => {
      const pac = await load(
        scriptOf(`
        if (host === "fine") return "DIRECT"
        if (host === "long") return "x".repeat(100000)
        return eval(host)
      `),
      )
      const cases: [host: string, detail: RegExp][] = [
        ['null', /^FindProxyForURL gave null for null, not a string$/],
        ['undefined', /gave undefined/],
        ['12', /gave number/],
        ['new String("DIRECT")', /gave object/],
        ['Promise.resolve("DIRECT")', /gave object/],
        ['nobody.home', /^ReferenceError: nobody is not defined in line 4$/],
        ['(function f() { f() })()', /^RangeError: Maximum call stack size exceeded/],
        ['throw new Proxy({}, { get() { throw 1 } })', /./],
        ['long', /gave 100000 characters/],
      ]
      for (const [host, expected] of cases) {
        const [code, detail] = await failureOf(find(pac, host, 'http://h/?secret'))
        t.equal(code, 'PAC_SYNTAX', host)
        t.match(detail, expected, host)
        t.notMatch(detail, /secret/)
        t.equal(await find(pac, 'fine'), 'DIRECT')
      }
    },
  )

  t.test('a loop without end is cut off and the next question is answered', async t => {
    const loops = [
      'for (;;) {}',
      'for (;;) { try { for (;;) {} } catch {} finally { continue } }',
      'throw { get message() { for (;;) {} }, get stack() { for (;;) {} } }',
      '/(a+)+$/.test("a".repeat(64) + "b")',
      'for (;;) { try { dnsResolve("a" + Math.random() + ".example") } catch {} }',
    ]
    for (const loop of loops) {
      const pac = await load(scriptOf(`if (host === "fine") return "DIRECT"; ${loop}`), {
        clock: tickingClock(),
        findMs: 50,
      })
      t.same((await failureOf(find(pac)))[0], 'PAC_TIMEOUT', loop)
      t.equal(await find(pac, 'fine'), 'DIRECT', 'it goes on')
    }
    const top = load('for (;;) {}', { clock: tickingClock(), loadMs: 50 })
    t.equal((await failureOf(top))[0], 'PAC_TIMEOUT', 'at the top level')
  })

  t.test('a script that takes all memory is cut off and the next question is answered', async t => {
    const eaters = [
      'var all = []; for (;;) all.push("x".repeat(1000) + all.length)',
      'kept = []; try { for (;;) kept.push({}) } catch {} throw new Array(1e6).fill(1)',
      'return "x".repeat(3e6)',
    ]
    for (const eater of eaters) {
      const source = `var kept; ${scriptOf(`if (host === "fine") return "DIRECT"; ${eater}`)}`
      const pac = await load(source, { memoryLimit: 1024 * KIB })
      t.equal((await failureOf(find(pac)))[0], 'PAC_MEMORY', eater)
      t.equal(await find(pac, 'fine'), 'DIRECT', 'it goes on')
    }
    const top = load('var a = []; for (;;) a.push({})', { memoryLimit: 1024 * KIB })
    t.equal((await failureOf(top))[0], 'PAC_MEMORY', 'at the top level')
  })

  t.test('after three faults in a row the script is left alone for 30 seconds', async t => {
    const clock = new FakeClock()
    const source = scriptOf('if (host === "fine") return "DIRECT"; return "x".repeat(3e6)')
    const pac = await load(source, { clock, memoryLimit: 1024 * KIB })
    await failureOf(find(pac))
    await failureOf(find(pac))
    t.equal(await find(pac, 'fine'), 'DIRECT', 'an answer breaks the row')
    for (let fault = 0; fault < 3; fault++) {
      t.equal((await failureOf(find(pac)))[0], 'PAC_MEMORY')
    }
    t.match((await failureOf(find(pac, 'fine')))[1], /not run for a while/)
    clock.advance(30_000)
    t.equal(await find(pac, 'fine'), 'DIRECT')
  })

  t.test('a long life leaves nothing behind in the sandbox', async t => {
    const source = scriptOf('alert(url); return isInNet(host, "10.0.0.0", "255.0.0.0") + url')
    const pac = await load(source, { memoryLimit: 800 * KIB })
    const tail = 'x'.repeat(4000)
    for (let i = 0; i < 1000; i++) await find(pac, '10.0.0.1', `http://h/${i}${tail}`)
    t.equal(await find(pac, '10.0.0.1', 'http://h/'), 'truehttp://h/')
  })

  t.test('a name is asked for once and kept for a minute, a failure for ten seconds', async t => {
    const clock = new FakeClock()
    const names = new FakeNames({ 'a.example': ['10.0.0.1'], 'b.example': ['10.0.0.2'] })
    const pac = await load(
      scriptOf(
        'return [dnsResolve("a.example"), dnsResolve(host), isResolvable("A.example")].join()',
      ),
      { clock, resolve: names.resolve },
    )
    t.equal(await find(pac, 'b.example'), '10.0.0.1,10.0.0.2,true')
    t.equal(await find(pac, 'b.example'), '10.0.0.1,10.0.0.2,true')
    t.same(names.asked, ['a.example', 'b.example'])
    t.equal(await find(pac, 'none.example'), '10.0.0.1,,true')
    t.equal(await find(pac, 'none.example'), '10.0.0.1,,true')
    t.same(names.asked, ['a.example', 'b.example', 'none.example'])
    clock.advance(10_000)
    await find(pac, 'none.example')
    t.same(names.asked.slice(3), ['none.example'])
    clock.advance(50_000)
    await find(pac, 'b.example')
    t.same(names.asked.slice(4), ['a.example', 'b.example'])
  })

  t.test('questions at the same time share one lookup', async t => {
    const names = new FakeNames({ 'a.example': ['10.0.0.1'] })
    const pac = await load(scriptOf('return dnsResolve("a.example")'), { resolve: names.resolve })
    t.same(await Promise.all([find(pac), find(pac), find(pac)]), Array(3).fill('10.0.0.1'))
    t.same(names.asked, ['a.example'])
  })

  t.test('one question asks for twenty names at most', async t => {
    const names = new FakeNames()
    const resolve = async (name: string): Promise<string[]> => {
      await names.resolve(name).catch(() => undefined)
      return ['10.0.0.1']
    }
    const body = `var found = 0
      for (var i = 0; i < 30; i++) if (isResolvable(host + i)) found++
      return String(found)`
    const pac = await load(scriptOf(body), { resolve })
    t.equal(await find(pac, 'n'), '20')
    t.equal(names.asked.length, 20)
    t.equal(await find(pac, 'n'), '30', 'the next question has the rest')
  })

  t.test('a script that catches everything still waits for its names', async t => {
    const names = new FakeNames({ 'a.example': ['10.0.0.1'] })
    const body = 'try { return dnsResolve("a.example") } catch { return "caught" }'
    const pac = await load(scriptOf(body), { resolve: names.resolve })
    t.equal(await find(pac), '10.0.0.1')
  })

  t.test('the top level may resolve names, and runs once in the engine that is kept', async t => {
    const names = new FakeNames({ 'a.example': ['10.0.0.1'] })
    const source = `let runs = 0; runs++; const site = dnsResolve("a.example"); const me = myIpAddress()
      ${scriptOf('return [site, me, runs].join()')}`
    const pac = await load(source, { resolve: names.resolve })
    t.equal(await find(pac), '10.0.0.1,192.0.2.7,1')
    t.same(names.asked, ['a.example'])
  })

  t.test('alerts come once, however often the script ran, and in moderation', async t => {
    const said: string[] = []
    const names = new FakeNames({ 'a.example': ['10.0.0.1'], 'b.example': ['10.0.0.2'] })
    const body = `alert("for", host); dnsResolve("a.example"); alert("then"); dnsResolve("b.example")
      if (host === "chatty") for (var i = 0; i < 100; i++) alert("x".repeat(1000))
      return "DIRECT"`
    const pac = await load(scriptOf(body), {
      resolve: names.resolve,
      onAlert: text => said.push(text),
    })
    await find(pac, 'h')
    t.same(said.splice(0), ['for h', 'then'])
    await find(pac, 'chatty')
    t.equal(said.length, 20)
    t.equal(said.at(-1), 'x'.repeat(500))
  })

  t.test(
    'a name that is silent holds up those who ask for it alone, and those only once',
    async t => {
      const clock = new FakeClock()
      const known: Record<string, string[]> = { 'known.example': ['10.0.0.1'] }
      const asked: string[] = []
      const resolve = (name: string): Promise<string[]> => {
        asked.push(name)
        const addresses = known[name]
        return addresses === undefined ? new Promise(() => undefined) : Promise.resolve(addresses)
      }
      const until = async (isSo: () => boolean): Promise<void> => {
        while (!isSo()) await new Promise(done => setImmediate(done))
      }
      const pac = await load(scriptOf('return String(dnsResolve(host))'), { clock, resolve })
      const ask = (host: string) => find(pac, host)
      const slow = ['a', 'b', 'c'].map(ask)
      await until(() => asked.length === 3)
      t.equal(await ask('known.example'), '10.0.0.1', 'while three others wait')
      clock.advance(2_000)
      t.strictSame(await Promise.all(slow), ['null', 'null', 'null'])
      t.equal(await ask('a'), 'null', 'which is known now')
      clock.advance(3_000)
      await new Promise(setImmediate)
      clock.advance(12_000)
      t.equal(await ask('a'), 'null', 'and asked for again without anybody waiting')
      t.strictSame(asked, ['a', 'b', 'c', 'known.example', 'a'])

      // What had an address before keeps it while it is not answered.
      delete known['known.example']
      clock.advance(60_000)
      const last = ask('known.example')
      await until(() => asked.at(-1) === 'known.example')
      clock.advance(2_000)
      t.equal(await last, '10.0.0.1')
      clock.advance(5_000)
      t.equal(clock.pendingTimers, 0)
    },
  )

  t.test('a question waits 2 seconds for a name, a look-up ends after 5 seconds', async t => {
    const clock = new FakeClock()
    const asked: CancelSignal[] = []
    const resolve = (_name: string, signal: CancelSignal): Promise<string[]> => {
      asked.push(signal)
      return new Promise(() => undefined)
    }
    const turns = async (): Promise<void> => {
      while (asked.length === 0) await new Promise(done => setImmediate(done))
    }
    const pac = await load(scriptOf('return String(isResolvable(host))'), { clock, resolve })
    const slow = find(pac, 'slow.example')
    await turns()
    clock.advance(2_000)
    t.equal(await slow, 'false')
    t.equal(asked[0]?.aborted, false, 'an answer may still come')
    clock.advance(3_000)
    t.equal(asked.pop()?.aborted, true, 'the resolver is told')

    const leaving = new AbortController()
    const left = pac.find('http://h/', 'left.example', leaving.signal)
    await turns()
    leaving.abort()
    t.same(await failureOf(left), ['CLIENT_ABORTED', undefined])
    t.equal(asked.pop()?.aborted, false, 'others may wait for the same name')
    clock.advance(5_000)
    t.equal(clock.pendingTimers, 0)

    const [code] = await failureOf(pac.find('http://h/', 'h', AbortSignal.abort()))
    t.equal(code, 'CLIENT_ABORTED')
    t.equal(await pac.find('http://h/', '10.0.0.1', NEVER), 'true')
  })
}
