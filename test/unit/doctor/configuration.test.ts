import t from 'tap'
import { CONFIGURATION } from '../../../src/doctor/configuration.ts'
import { runCheck } from './host.ts'

const ISSUE = {
  origin: { source: '/etc/tsntlm.conf', line: 3, column: 1 },
  directive: 'Proxy',
  message: 'has no port',
  hint: 'write HOST:PORT',
}

t.test('errors are problems with their hint, warnings are notes', async t => {
  const broken = await runCheck(CONFIGURATION, {
    config: undefined,
    issues: [{ level: 'error', ...ISSUE }],
  })
  t.strictSame(broken.lines, ['problem /etc/tsntlm.conf:3:1: error: Proxy: has no port'])
  t.strictSame(broken.judgements[0]?.advice, ['write HOST:PORT'])
  const sound = await runCheck(CONFIGURATION, { issues: [{ level: 'warning', ...ISSUE }] })
  t.match(sound.lines, [/^note /, 'ok /etc/tsntlm.conf: 0 upstreams, dialect NTLMv2'])
})
