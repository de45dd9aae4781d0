import t from 'tap'
import { CERTIFICATE, judgeCertificates } from '../../../src/doctor/certificate.ts'
import { CONNECT, judgeConnect } from '../../../src/doctor/connect.ts'
import { parseAbsoluteForm } from '../../../src/http1/index.ts'
import { runCheck } from './host.ts'

const url = parseAbsoluteForm('https://www.test/')
const answering = { host: '127.0.0.1', port: 1 }

t.test('no tunnel is tried where none was asked for or it could cost a logon', async t => {
  const cases: [facts: object, line: RegExp][] = [
    [{}, /not asked for/],
    [{ url }, /no port of tsntlm answers/],
    [{ url, answering, logon: 'refused' }, /no logon, no tunnel/],
    [{ url, answering, mayLogOn: false }, /--no-logon/],
  ]
  for (const [facts, line] of cases) {
    const { lines } = await runCheck(CONNECT, facts)
    t.match(lines, [/^skipped /])
    t.match(lines, [line])
  }
  t.match((await runCheck(CERTIFICATE, { url })).lines, [/^skipped no TLS server/])
})

t.test('a refusal by policy is told from other failures', async t => {
  const judge = (status: number, headers: string[] = []) =>
    judgeConnect('www.test:443', { version: '1.1', status, reason: '', headers })
  t.equal(judge(200).verdict, 'ok')
  t.match(judge(403).advice[0], /a policy forbids it/)
  t.equal(judge(407).verdict, 'note')
  const failed = judge(502, ['Proxy-Status', 'tsntlm; error=http_protocol_error'])
  t.match(failed, { verdict: 'problem', text: /HTTP 502 \(tsntlm; error=/ })
})

t.test('an unknown issuer is no fault, but told with the stores to fill', async t => {
  const seen = (fault: string | undefined) =>
    judgeCertificates('www.test', { fault, issuer: 'Corp Issuing', top: 'Corp Root (Corp)' })
  t.match(seen(undefined), { verdict: 'ok', text: /certified by Corp Issuing/ })
  const unknown = seen('SELF_SIGNED_CERT_IN_CHAIN')
  t.match(unknown, { verdict: 'note', text: /certified by Corp Root \(Corp\)/ })
  for (const store of ['update-ca-certificates', 'certs.d', 'sslCAInfo', 'NODE_EXTRA_CA_CERTS'])
    t.match(unknown.advice.join('\n'), store)
  t.equal(seen('CERT_HAS_EXPIRED').verdict, 'problem')
  t.equal(seen('ERR_TLS_CERT_ALTNAME_INVALID').verdict, 'problem')
})
