import t from 'tap'
import { ConnectionGate, describeToken } from '../../../src/demo/connection-gate.ts'
import { FakeClock } from '../../harness/fake-clock.ts'
import { vectors } from '../../harness/ntlm-vectors.ts'

const EXCHANGE = vectors.self_exchanges.find(({ id }) => id === 'v2-no-timestamp')

function field(hex = ''): string {
  return `NTLM ${Buffer.from(hex, 'hex').toString('base64')}`
}

const NEGOTIATE = field(EXCHANGE?.negotiate)
const AUTHENTICATE = field(EXCHANGE?.authenticate)

function makeGate(password = 'S3cret!pass'): ConnectionGate {
  return new ConnectionGate({
    accounts: [{ user: 'alice', domain: 'CORP', password }],
    names: {
      nbDomain: 'CORP',
      nbComputer: 'PROXY01',
      dnsDomain: 'corp.example',
      dnsComputer: 'proxy01.corp.example',
    },
    clock: new FakeClock(),
    entropy: { bytes: () => Buffer.from('0123456789abcdef', 'hex') },
    sendTimestamp: false,
  })
}

t.test('what each request of a connection gets', async t => {
  const cases: [name: string, fields: (string | undefined)[], last: object][] = [
    ['nothing sent', [undefined], { kind: 'demand', closes: false }],
    ['NEGOTIATE', [NEGOTIATE], { kind: 'challenge' }],
    ['both legs', [NEGOTIATE, AUTHENTICATE], { kind: 'accept', verdict: { user: 'alice' } }],
    ['scheme in lower case', [NEGOTIATE.replace('NTLM', 'ntlm')], { kind: 'challenge' }],
    ['later request', [NEGOTIATE, AUTHENTICATE, undefined], { kind: 'pass' }],
    ['later request with a field', [NEGOTIATE, AUTHENTICATE, 'Basic QQ=='], { kind: 'pass' }],
    ['no field in mid-handshake', [NEGOTIATE, undefined], { kind: 'demand', closes: true }],
    ['NEGOTIATE twice', [NEGOTIATE, NEGOTIATE, AUTHENTICATE], { kind: 'accept' }],
    ['AUTHENTICATE unasked', [AUTHENTICATE], { kind: 'reject' }],
    ['AUTHENTICATE after a reset', [NEGOTIATE, undefined, AUTHENTICATE], { kind: 'reject' }],
    ['AUTHENTICATE after rubbish', [NEGOTIATE, 'NTLM ***', AUTHENTICATE], { kind: 'reject' }],
    ['another scheme', ['Basic YWxpY2U6eA=='], { kind: 'reject' }],
    ['no base64', ['NTLM ***'], { kind: 'reject' }],
    ['no NTLM message', [field('00')], { kind: 'reject' }],
  ]
  for (const [name, fields, last] of cases) {
    const gate = makeGate()
    t.match(fields.map(value => gate.decide(value)).at(-1), last, name)
  }
})

t.test('a rejected connection may start over', async t => {
  const gate = makeGate('something else')
  gate.decide(NEGOTIATE)
  t.match(gate.decide(AUTHENTICATE), { kind: 'reject', reason: 'the password is wrong' })
  t.match(gate.decide(undefined), { kind: 'demand', closes: false })
  t.match(gate.decide(NEGOTIATE), { kind: 'challenge' })
})

t.test('a token is described by its type alone', async t => {
  t.equal(describeToken(NEGOTIATE), 'type 1')
  t.equal(describeToken(AUTHENTICATE), 'type 3')
  t.equal(describeToken('Basic YWxpY2U6eA=='), 'no NTLM token')
  t.equal(describeToken(''), 'no NTLM token')
})
