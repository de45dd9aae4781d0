import { readFileSync } from 'node:fs'
import t from 'tap'
import { systemClock } from '../../src/core/index.ts'
import type * as PacRoom from '../../src/pac/index.ts'
import { decodePac, type Pac, type PacOptions } from '../../src/pac/index.ts'
import { importBuilt } from '../harness/product.ts'
import { failureOf, FakeNames, find, hasQuickJs, NEVER, scriptOf } from '../unit/pac/sandbox.ts'

const { createIsolatedPac } = (await importBuilt('pac/index.js')) as typeof PacRoom

const NAMES = { 'a.example': ['10.0.0.1'], 'b.example': ['10.0.0.2'] }

/** The built program's thread with the real clock: from its sources a thread takes much longer to be ready. */
function isolate(source: string, options: Partial<PacOptions> = {}): Promise<Pac> {
  return createIsolatedPac(source, {
    clock: systemClock,
    resolve: new FakeNames(NAMES).resolve,
    localAddresses: () => ['192.0.2.7'],
    ...options,
  })
}

if (await hasQuickJs(t)) {
  t.test('a script in a thread knows and says what one in the process does', async t => {
    const said: string[] = []
    const names = new FakeNames(NAMES)
    const pac = await isolate(
      `let runs = 0; runs++; const site = dnsResolve("a.example")
       ${scriptOf('alert("for", host); return [site, dnsResolve(host), dnsResolve("A.EXAMPLE"), isResolvable("no such"), myIpAddress(), runs].join()')}`,
      { resolve: names.resolve, onAlert: text => said.push(text) },
    )
    t.teardown(() => pac.close())
    t.equal(await find(pac, 'b.example'), '10.0.0.1,10.0.0.2,10.0.0.1,false,192.0.2.7,1')
    t.same(said, ['for b.example'])
    t.same(names.asked, ['a.example', 'b.example'])
  })

  t.test('a script that cannot work is refused with its line, and throws the same way', async t => {
    const [code, detail] = await failureOf(isolate('\n\nreturn 1 +'))
    t.equal(code, 'PAC_SYNTAX')
    t.match(detail, /^SyntaxError: .* in line 3$/)
    const said: string[] = []
    const pac = await isolate(scriptOf('alert("before"); return nothing'), {
      onAlert: text => said.push(text),
    })
    t.teardown(() => pac.close())
    const expected = ['PAC_SYNTAX', 'ReferenceError: nothing is not defined in line 1']
    t.same(await failureOf(find(pac)), expected)
    t.same(said, ['before'], 'what it said before helps to find out why')
  })

  t.test('a question that its client left does not run, and does not stop others', async t => {
    const pac = await isolate(scriptOf('for (var i = 0; i < 1e5; i++); return host'))
    t.teardown(() => pac.close())
    const leaving = new AbortController()
    const left = failureOf(pac.find('http://a/', 'a', leaving.signal))
    const kept = pac.find('http://b/', 'b', NEVER)
    leaving.abort()
    t.same(await left, ['CLIENT_ABORTED', undefined])
    t.equal(await kept, 'b')
  })

  t.test('a script that is closed still answers what it was asked before', async t => {
    const pac = await isolate(scriptOf('return "DIRECT"'))
    const asked = find(pac)
    pac.close()
    t.equal(await asked, 'DIRECT')
  })

  t.test('no way to occupy or fill the thread holds up the process or other questions', async t => {
    const cases: [body: string, code: string][] = [
      ['Array.prototype.reverse.call({ length: 2 ** 53 - 1 })', 'PAC_TIMEOUT'],
      ['[].indexOf.call({ length: 2 ** 53 - 1 }, 1)', 'PAC_TIMEOUT'],
      ['for (;;) {}', 'PAC_TIMEOUT'],
      ['for (;;) { try { for (;;) {} } catch {} finally { continue } }', 'PAC_TIMEOUT'],
      [
        'try { for (;;) {} } catch { Array.prototype.reverse.call({ length: 2 ** 53 - 1 }) }',
        'PAC_TIMEOUT',
      ],
      ['for (;;) { try { dnsResolve("a" + Math.random()) } catch {} }', 'PAC_TIMEOUT'],
      ['var all = []; for (;;) all.push("x".repeat(1000) + all.length)', 'PAC_MEMORY'],
      ['return "x".repeat(5e8)', 'PAC_MEMORY'],
    ]
    const source = scriptOf(`if (host !== "fine") eval(host); return "DIRECT"`)
    for (const [body, code] of cases) {
      // A busy machine takes its time to fill the memory.
      const findMs = code === 'PAC_MEMORY' ? 5_000 : 200
      const pac = await isolate(source, { findMs, memoryLimit: 4 * 1024 * 1024 })
      const hostile = failureOf(find(pac, `(function () { ${body} })()`, 'http://x/'))
      const innocent = [find(pac, 'fine'), find(pac, 'fine')]
      let turns = 0
      const timer = setInterval(() => turns++, 5)
      t.equal((await hostile)[0], code, body)
      clearInterval(timer)
      if (code === 'PAC_TIMEOUT') t.ok(turns > 1, 'the process goes on meanwhile')
      t.same(await Promise.all(innocent), ['DIRECT', 'DIRECT'], 'those who waited are answered')
      pac.close()
    }
  })

  t.test('a script that never ends is left alone after three faults', async t => {
    const pac = await isolate(scriptOf('Array.prototype.reverse.call({ length: 2 ** 53 - 1 })'), {
      findMs: 10,
    })
    t.teardown(() => pac.close())
    const failures = await Promise.all([1, 2, 3, 4, 5].map(async () => failureOf(find(pac))))
    t.same(
      failures.map(([code]) => code),
      Array(5).fill('PAC_TIMEOUT'),
    )
    t.match(failures[2]?.[1], /was stopped/)
    t.match(failures[4]?.[1], /not run for a while/)
  })

  t.test('a top level that never ends is stopped from outside', async t => {
    const loop = 'Array.prototype.reverse.call({ length: 2 ** 53 - 1 })'
    t.equal((await failureOf(isolate(loop, { loadMs: 10 })))[0], 'PAC_TIMEOUT')
  })

  t.test('the sandbox in the thread has nothing of the process', async t => {
    const source = scriptOf('return [typeof process, typeof require, typeof WebAssembly].join()')
    const pac = await isolate(source)
    t.teardown(() => pac.close())
    t.equal(await find(pac), 'undefined,undefined,undefined')
  })

  t.test('the script of a company is fast enough', async t => {
    const bytes = readFileSync(new URL('../fixtures/corporate.pac', import.meta.url))
    const pac = await isolate(decodePac(bytes))
    t.teardown(() => pac.close())
    const began = systemClock.now()
    for (let i = 0; i < 100; i++) await find(pac, `h${i % 10}.example.net`)
    const ms = (systemClock.now() - began) / 100
    t.comment(`${ms.toFixed(2)} ms for a question`)
    t.ok(ms < 50)
  })
}
