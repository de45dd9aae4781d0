import t from 'tap'
import {
  adviseAfterRejection,
  describeFinding,
  type Finding,
  frameLines,
  isVerdict,
  mayGoOn,
} from '../../../src/cli/detection-report.ts'
import { ProxyError } from '../../../src/core/index.ts'

const closed = new ProxyError('UPSTREAM_CLOSED', { detail: 'closed by the peer' })
const context = { upstream: 'a:1', dialect: 'NTLMv2', account: 'CORP\\alice' } as const

t.test(
  'each finding says whether to go on, whether it is an answer, and what happened',
  async t => {
    const table: [finding: Finding, goesOn: boolean, isAnswer: boolean, line: string | RegExp][] = [
      [
        { kind: 'unreachable', error: closed },
        true,
        false,
        /^a:1: no answer: .*closed by the peer$/,
      ],
      [{ kind: 'not-offered', offered: 'Basic' }, true, true, 'a:1: offers no NTLM: Basic'],
      [{ kind: 'open', status: 200 }, true, true, 'a:1: asks for no logon here (HTTP 200)'],
      [
        { kind: 'not-sent', error: closed },
        true,
        false,
        /^a:1: NTLMv2 as CORP\\alice: nothing was sent: .*closed by the peer$/,
      ],
      [
        { kind: 'not-sent', error: new ProxyError('AUTH_LOCKED_OUT', { detail: 'later' }) },
        false,
        false,
        /nothing was sent: .*later$/,
      ],
      [
        { kind: 'accepted', status: 503 },
        false,
        true,
        'a:1: NTLMv2 as CORP\\alice: accepted (HTTP 503)',
      ],
      [
        { kind: 'rejected', otherReading: false },
        false,
        true,
        'a:1: NTLMv2 as CORP\\alice: rejected (HTTP 407)',
      ],
      [{ kind: 'unanswered', error: closed }, false, false, /: sent, but never answered: /],
    ]
    for (const [finding, goesOn, isAnswer, line] of table) {
      t.equal(mayGoOn(finding), goesOn, finding.kind)
      t.equal(isVerdict(finding), isAnswer, finding.kind)
      t.match(describeFinding(finding, context), line)
    }
  },
)

t.test('after a rejection it says why it stops and how to go on', async t => {
  const further = 'tsntlm -a NTLM2SR -M http://a/'
  const advise = (changes: object): string =>
    adviseAfterRejection({
      furtherCommand: further,
      refusedForMs: 29.5 * 60_000,
      otherReading: false,
      ...changes,
    }).join('\n')
  t.match(advise({}), /could be the second failed logon: none is made\./)
  t.match(advise({}), /for 30 min, or until the configuration file is changed\./)
  t.ok(advise({}).endsWith(`: ${further}`))
  t.match(advise({ refusedForMs: undefined }), /no proxy until the configuration file is changed\./)
  t.notMatch(advise({ furtherCommand: undefined }), 'another dialect')
  t.match(advise({ otherReading: true }), /The same command again sends them read as plain\.$/)
})

t.test('the lines for the configuration stand between rulers of one length', async t => {
  const [first = '', line, last = ''] = frameLines('NTLMv2', ['Auth NTLMv2'])
  t.match(first, /^---- NTLMv2: for the configuration -+$/)
  t.equal(line, 'Auth NTLMv2')
  t.equal(last, '-'.repeat(first.length))
})
