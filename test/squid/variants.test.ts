import t from 'tap'
import { startHeldOrigin } from '../harness/real/held-origin.ts'
import { skipUnless } from '../harness/real/programs.ts'
import { ORIGIN_HOST, type SquidOptions } from '../harness/real/squid.ts'
import { until } from '../harness/real/until.ts'
import { curl, handshakes, productFor, PROGRAMS, siteFor, squidFor, statuses } from './network.ts'

const PARALLEL = ['-Z', '--parallel-immediate']

if (skipUnless(t, [...PROGRAMS, 'python3'])) {
  const site = await siteFor(t)
  const trust = ['--cacert', site.caFile]

  const kinds: [string, SquidOptions][] = [
    ['ntlm_auth by itself', { auth: 'ntlm-local' }],
    ['a Squid that closes after the first 407', { auth: 'ntlm-local', keepAliveFirst407: false }],
    ['a Squid that offers Negotiate alone', { auth: 'negotiate-local' }],
    [
      'a Squid that offers Negotiate alone and closes',
      { auth: 'negotiate-local', keepAliveFirst407: false },
    ],
    ['a slow domain controller', { auth: 'policy', policy: { delayMs: 300 } }],
    ['a Squid without authentication', { auth: 'none' }],
  ]
  for (const [name, options] of kinds) {
    t.test(`${name}: plain requests, bodies and tunnels`, async t => {
      const squid = await squidFor(t, options)
      const product = await productFor(t, { squids: [squid] })
      t.same(await statuses(product, [...trust, site.https('/hello')]), [200])
      t.same(await statuses(product, [site.http('/hello')]), [200])
      const post = ['--data-binary', 'x'.repeat(5000), site.http('/echo')]
      t.match(JSON.parse((await curl(product, post)).stdout.toString()), { bytes: 5000 })
      const chunked = ['-H', 'Transfer-Encoding: chunked', ...post]
      t.match(JSON.parse((await curl(product, chunked)).stdout.toString()), { bytes: 5000 })
      const many = await statuses(product, [...PARALLEL, site.http('/hello?[1-20]')])
      t.same(many, Array(20).fill(200))
      if (options.auth === 'none') t.equal(await handshakes(squid), 0)
    })
  }

  t.test('a POST is executed once, whichever side demands authentication', async t => {
    const kinds: SquidOptions[] = [
      { auth: 'none' },
      // Where names that do not exist are found out late, or never.
      { auth: 'none', dnsMs: 20_000 },
      { auth: 'ntlm-local' },
      { auth: 'ntlm-local', dnsMs: 20_000 },
      { auth: 'negotiate-local' },
    ]
    for (const kind of kinds) {
      const origin = await startHeldOrigin()
      t.teardown(() => origin.stop())
      origin.release()
      const squid = await squidFor(t, kind)
      const name = `${kind.auth}, ${kind.dnsMs === undefined ? 'names fail fast' : 'names fail late'}`
      const product = await productFor(t, { squids: [squid] })
      const url = `http://${ORIGIN_HOST}:${origin.port}/`
      t.same(await statuses(product, ['--data-binary', 'x'.repeat(5000), url]), [200], name)
      const chunked = ['-H', 'Transfer-Encoding: chunked', '--data-binary', 'x'.repeat(70_000)]
      t.same(await statuses(product, [...chunked, url]), [200], name)
      t.same(
        origin.arrived,
        [
          { method: 'POST', bytes: 5000 },
          { method: 'POST', bytes: 70_000 },
        ],
        name,
      )
    }
  })

  t.test('when the first Squid dies no client sees an error', async t => {
    const origin = await startHeldOrigin()
    t.teardown(() => origin.stop())
    const first = await squidFor(t, { auth: 'policy' })
    const second = await squidFor(t, { auth: 'policy' })
    const product = await productFor(t, { squids: [first, second] })
    t.same(await statuses(product, [site.http('/hello')]), [200])
    t.equal((await second.accessLog()).length, 0, 'the first serves as long as it lives')

    const held = statuses(product, [...PARALLEL, `http://${ORIGIN_HOST}:${origin.port}/[1-10]`])
    await until('10 requests at the origin', () => (origin.arrived.length >= 10 ? true : undefined))
    await first.stop('SIGKILL')
    origin.release()
    t.same(await held, Array(10).fill(200), 'a GET without any answer yet goes to the second')
    for (let i = 0; i < 5; i++) {
      t.same(await statuses(product, [site.http('/hello')]), [200])
      t.same(await statuses(product, [...trust, site.https('/hello')]), [200])
    }
    const many = await statuses(product, [...PARALLEL, ...trust, site.https('/hello?[1-20]')])
    t.same(many, Array(20).fill(200))
    t.ok((await second.authLog()).every(({ ok }) => ok))
  })

  t.test('a Squid that was away is used again without any client noticing', async t => {
    const first = await squidFor(t, { auth: 'ntlm-local' })
    const product = await productFor(t, { squids: [first] })
    t.same(await statuses(product, [site.http('/hello')]), [200])
    await first.stop()
    await squidFor(t, { auth: 'ntlm-local', port: first.port })
    t.same(await statuses(product, [site.http('/hello')]), [200])
    t.same(await statuses(product, [...trust, site.https('/hello')]), [200])
  })
}
