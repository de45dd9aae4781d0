import t from 'tap'
import { skipUnless } from '../harness/real/programs.ts'
import { until } from '../harness/real/until.ts'
import { productFor, PROGRAMS, siteFor, squidFor, statuses } from './network.ts'

if (skipUnless(t, [...PROGRAMS, 'python3'])) {
  const site = await siteFor(t)
  const get = ['--cacert', site.caFile, site.https('/hello')]

  t.test('while there is traffic a tunnel finds a session that is logged on', async t => {
    const squid = await squidFor(t, { auth: 'policy' })
    const product = await productFor(t, {
      squids: [squid],
      // The last grade is not for a Squid, whatever the configuration says.
      config: ['Warm challenged', 'LogLevel debug'],
    })
    const warmed = (): unknown[] =>
      product
        .log()
        .filter(({ event }) => event === 'session.warmed')
        .map(({ grade }) => grade)
    for (const round of [1, 2, 3]) {
      t.same(await statuses(product, get), [200])
      await until('a spare', () => (warmed().length >= round ? true : undefined))
    }
    const tunnels = (await squid.accessLog()).filter(({ method }) => method === 'CONNECT')
    t.same(
      tunnels.map(({ status }) => status),
      [407, 200, 200, 200],
      'the first one of all found out that a logon is demanded',
    )
    t.same(new Set(warmed()), new Set(['authenticated']))
    const requests = product.log().filter(({ event }) => event === 'request.finished')
    t.match(requests.slice(1), [
      { tDial: 0, tAuth: 0, tries: 1 },
      { tDial: 0, tAuth: 0, tries: 1 },
    ])
    t.ok((await squid.authLog()).every(({ ok }) => ok))
  })

  t.test('a wrong password is sent once', async t => {
    const squid = await squidFor(t, { auth: 'policy' })
    const product = await productFor(t, { squids: [squid], password: 'wrong' })
    for (let round = 0; round < 3; round++) await statuses(product, get)
    t.equal((await squid.authLog()).length, 1)
  })
}
