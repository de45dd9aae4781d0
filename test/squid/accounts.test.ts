import t from 'tap'
import { skipUnless } from '../harness/real/programs.ts'
import { PASSWORD, type Squid } from '../harness/real/squid.ts'
import { curl, productFor, PROGRAMS, siteFor, squidFor, statuses } from './network.ts'

const PARALLEL = ['-Z', '--parallel-immediate']

/** Whether the account still works: somebody logs on with the right password and no help of ours. */
async function isUsable(squid: Squid, url: string): Promise<boolean> {
  const direct = { url: `http://${squid.address}` }
  const [status] = await statuses(direct, ['--proxy-ntlm', '-U', `CORP\\alice:${PASSWORD}`, url])
  return status === 200
}

if (skipUnless(t, [...PROGRAMS, 'python3'])) {
  const site = await siteFor(t)
  const wrong = { password: 'not-the-password' }

  t.test('eight clients with a wrong password cost one attempt', async t => {
    const squid = await squidFor(t, { auth: 'policy', policy: { threshold: 3, delayMs: 200 } })
    const product = await productFor(t, { squids: [squid], ...wrong })
    const trust = ['--cacert', site.caFile]
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) => {
        const url = i % 2 === 0 ? site.http('/hello') : site.https('/hello')
        return curl(product, [...trust, '-i', url], { timeoutMs: 30_000 })
      }),
    )
    for (const { stdout } of answers) {
      const [head = ''] = stdout.toString().split('\r\n\r\n')
      t.match(head, /^HTTP\/1\.1 502 /)
      t.match(head, /^proxy-status: tsntlm; error=.*CORP\\+alice/im)
      t.notMatch(
        head,
        /^proxy-authenticate:/im,
        'a browser would ask for a password that cannot help',
      )
    }
    // curl shows the body of the plain answers alone.
    const pages = answers.filter((_, i) => i % 2 === 0).map(({ stdout }) => stdout.toString())
    for (const page of pages) {
      t.match(page, /\r\n\r\n.*rejected/)
      t.match(page, /\r\n\r\n.*CORP\\alice/)
    }
    t.notMatch(answers.map(({ stdout }) => stdout.toString()).join(), wrong.password)
    const attempts = await squid.authLog()
    t.match(attempts, [{ user: 'alice', ok: false, locked: false }])
    t.equal(attempts.length, 1)
    t.ok(await isUsable(squid, site.http('/hello')))
    const tripped = product.log().filter(line => line.event === 'guard.tripped')
    t.match(tripped, [{ level: 'error' }])
    t.equal(tripped.length, 1)
  })

  t.test('50 requests with a wrong password never reach the threshold', async t => {
    const squid = await squidFor(t, { auth: 'policy', policy: { threshold: 2 } })
    const product = await productFor(t, { squids: [squid], ...wrong })
    t.same(await statuses(product, [site.http('/hello?[1-10]')]), Array(10).fill(502))
    const many = await statuses(product, [...PARALLEL, site.http('/hello?[1-40]')])
    t.same(many, Array(40).fill(502))
    t.equal((await squid.authLog()).length, 1)
    t.ok(await isUsable(squid, site.http('/hello')))
  })

  t.test('nor do they when several processes serve', async t => {
    const squid = await squidFor(t, { auth: 'policy', policy: { threshold: 2, delayMs: 200 } })
    const product = await productFor(t, { squids: [squid], config: ['Workers 3'], ...wrong })
    const many = await statuses(product, [...PARALLEL, site.http('/hello?[1-50]')])
    t.same(many, Array(50).fill(502))
    t.equal((await squid.authLog()).length, 1)
    t.ok(await isUsable(squid, site.http('/hello')))
    const prefixes = product
      .log()
      .filter(({ event }) => event === 'request.finished')
      .map(({ id }) => String(id).split('-')[0])
    t.equal(new Set(prefixes).size, 3, 'all of them were asked')
  })

  t.test('a rejected password is not tried at the next upstream either', async t => {
    const policy = { threshold: 3 }
    const squids = [
      await squidFor(t, { auth: 'policy', policy }),
      await squidFor(t, { auth: 'policy', policy }),
    ]
    const product = await productFor(t, { squids, ...wrong })
    const many = await statuses(product, [...PARALLEL, site.http('/hello?[1-20]')])
    t.same(many, Array(20).fill(502))
    const attempts = await Promise.all(squids.map(squid => squid.authLog()))
    t.equal(attempts.flat().length, 1)
  })

  t.test('a restart does not forget a rejected password, a new password is tried', async t => {
    const squid = await squidFor(t, { auth: 'policy', policy: { threshold: 3 } })
    const stateDirectory = t.testdir({})
    let product = await productFor(t, { squids: [squid], ...wrong, stateDirectory })
    for (let restarts = 0; restarts < 4; restarts++) {
      t.same(await statuses(product, [site.http('/hello')]), [502])
      t.equal((await squid.authLog()).length, 1)
      product = await product.restart()
      t.teardown(() => product.stop())
    }
    t.equal(await product.stop(), 0)
    const corrected = await productFor(t, { squids: [squid], stateDirectory })
    t.same(await statuses(corrected, [site.http('/hello')]), [200])
    t.equal((await squid.authLog()).length, 2)
  })

  t.test('no password stands in the log', async t => {
    const squid = await squidFor(t, { auth: 'policy' })
    for (const password of [PASSWORD, wrong.password]) {
      const product = await productFor(t, { squids: [squid], password, config: ['LogLevel trace'] })
      await statuses(product, [site.http('/hello')])
      await product.stop()
      t.ok(product.log().length > 1)
      t.notMatch(JSON.stringify(product.log()), password)
      t.notMatch(JSON.stringify(product.log()), /TlRMTVNTUA/, 'nor an NTLM message')
    }
  })
}
