import t from 'tap'
import { PROXY_LOGON } from '../../../src/upstream/challenger.ts'
import { namesOffered, type Offer, readOffers } from '../../../src/upstream/offers.ts'

function head(...values: string[]) {
  const headers = values.flatMap(value => ['proxy-authenticate', value])
  return { version: '1.1', status: 407, reason: '', headers } as const
}

t.test('the schemes known here are found in any layout, NTLM first', async t => {
  const bare = (scheme: Offer['scheme']): Offer => ({ scheme, token: undefined })
  const cases: [string[], Offer[]][] = [
    [[], []],
    [['Basic realm="NTLM abc"', 'Digest realm="Negotiate", nonce="x"'], []],
    [['NTLM'], [bare('NTLM')]],
    [['nEgOtIaTe, ntlm'], [bare('NTLM'), bare('Negotiate')]],
    [
      ['Negotiate', 'Kerberos', 'NTLM', 'Basic realm="a, b"'],
      [bare('NTLM'), bare('Negotiate')],
    ],
    [['Basic realm="x", NTLM TlRMTVNTUAAC'], [{ scheme: 'NTLM', token: 'TlRMTVNTUAAC' }]],
    [['Negotiate oYG2MIGz=='], [{ scheme: 'Negotiate', token: 'oYG2MIGz==' }]],
    [
      ['NTLM one', 'NTLM two'],
      [
        { scheme: 'NTLM', token: 'one' },
        { scheme: 'NTLM', token: 'two' },
      ],
    ],
  ]
  for (const [values, offers] of cases)
    t.same(readOffers(head(...values), PROXY_LOGON), offers, values.join(' | '))
})

t.test('what is offered is named for people, each once', async t => {
  t.equal(namesOffered(head(), PROXY_LOGON), 'no scheme at all')
  t.equal(
    namesOffered(head('Basic realm="x"', 'Digest nonce="y", Basic realm="z"'), PROXY_LOGON),
    'Basic, Digest',
  )
})
