import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runProduct } from '../harness/product.ts'
import { skipUnless } from '../harness/real/programs.ts'
import { PASSWORD, type Squid } from '../harness/real/squid.ts'
import { makeTempDir } from '../harness/temp-dir.ts'
import { ACCOUNT, PROGRAMS, productFor, type Site, siteFor, squidFor, statuses } from './network.ts'

async function detect(
  t: Test,
  { squid, site, password }: { squid: Squid; site: Site; password: string },
  args: readonly string[] = [],
) {
  const dir = makeTempDir(t)
  const file = join(dir, 'cntlm.conf')
  const own = [`Password ${password}`, `Proxy ${squid.address}`, `StateDirectory ${dir}`, '']
  writeFileSync(file, [...ACCOUNT, ...own].join('\n'), { mode: 0o600 })
  const { code, stdout } = await runProduct(['-c', file, ...args, '-M', site.http('/hello')])
  return { code, out: stdout.toString() }
}

if (skipUnless(t, [...PROGRAMS, 'python3'])) {
  const site = await siteFor(t)

  t.test('Squid takes NTLMv2, and the lines that -M prints serve', async t => {
    const squid = await squidFor(t, { auth: 'policy', keepAliveFirst407: false })
    const { code, out } = await detect(t, { squid, site, password: PASSWORD })
    t.match({ code, out }, { code: 0, out: /NTLMv2 as CORP\\alice: accepted \(HTTP 200\)/ })
    const lines = out.split('\n').filter(line => /^(Auth|Pass)/.test(line))
    t.equal(lines.length, 3)
    const product = await productFor(t, { squids: [squid], password: '""', config: lines })
    t.same(await statuses(product, [site.http('/hello')]), [200])
    t.match(await squid.authLog(), [{ ok: true }, { ok: true }])
  })

  t.test('a wrong password and a refused dialect cost one attempt each', async t => {
    const wrong: [password: string, args: string[]][] = [
      ['not-the-password', []],
      [PASSWORD, ['-a', 'NTLM2SR']],
    ]
    for (const [password, args] of wrong) {
      const squid = await squidFor(t, { auth: 'policy', policy: { threshold: 2 } })
      const { code, out } = await detect(t, { squid, site, password }, args)
      t.match({ code, out }, { code: 0, out: /: rejected \(HTTP 407\)/ })
      t.match(await squid.authLog(), [{ user: 'alice', ok: false, locked: false }])
    }
  })
}
