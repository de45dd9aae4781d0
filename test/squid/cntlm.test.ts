import t from 'tap'
import { startProduct } from '../harness/product.ts'
import { startCntlm } from '../harness/real/cntlm.ts'
import { skipUnless } from '../harness/real/programs.ts'
import { PASSWORD } from '../harness/real/squid.ts'
import { ACCOUNT, curl, PROGRAMS, siteFor, squidFor } from './network.ts'

/** What a client sees of an answer that does not change from run to run. */
function outcome(answer: string): string {
  const [head = '', ...body] = answer.split('\r\n\r\n')
  const status = /^HTTP\/1\.[01] ([0-9]{3})/.exec(head)?.[1] ?? 'none'
  return [status, ...body].join('\n')
}

if (skipUnless(t, [...PROGRAMS, 'cntlm'])) {
  t.test('one configuration file gives the same answers with cntlm and tsntlm', async t => {
    const squid = await squidFor(t, { auth: 'ntlm-local' })
    const site = await siteFor(t)
    const config = [
      ...ACCOUNT,
      `Password ${PASSWORD}`,
      'Workstation WORKPLACE',
      'Auth NTLMv2',
      `Proxy ${squid.address}`,
      'NoProxy localhost, 127.0.0.*, 10.*, 192.168.*',
      'Gateway no',
      'Header X-Department: Accounts',
    ]
    const cntlm = await startCntlm(config)
    t.teardown(() => cntlm.stop())
    const product = await startProduct({ config })
    t.teardown(() => product.stop())

    const direct = site.http('/hello').replace(/\/\/[^:]+/, '//127.0.0.1')
    const requests: Record<string, string[]> = {
      'a page': [site.http('/hello')],
      'a page that is not there': [site.http('/status?code=404')],
      'a page on a NoProxy host': [direct],
      'a HEAD': ['-I', site.http('/bytes?n=300')],
      'an upload': ['--data-binary', 'x'.repeat(3000), site.http('/echo')],
      'a chunked page': [site.http('/chunked?n=4')],
      'a tunnel': ['--cacert', site.caFile, site.https('/hello')],
    }
    for (const [name, args] of Object.entries(requests)) {
      const [theirs, ours] = await Promise.all(
        [{ url: `http://127.0.0.1:${cntlm.port}` }, product].map(proxy =>
          curl(proxy, args.includes('-I') ? args : ['-i', ...args]),
        ),
      )
      t.equal(ours?.code, 0, name)
      t.equal(outcome(ours!.stdout.toString()), outcome(theirs!.stdout.toString()), name)
    }
    const headers = await curl(product, [site.http('/headers')])
    t.match(headers.stdout.toString(), '"X-Department","Accounts"')
  })
}
