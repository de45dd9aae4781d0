import t from 'tap'
import { skipUnless } from '../harness/real/programs.ts'
import {
  basics,
  better,
  type Case,
  compare,
  type Configuration,
  same,
  type Side,
  startDuel,
} from './duel.ts'
import { demandNtlm } from './house.ts'
import { ask } from './normal.ts'

/** The account with other lines in place of those of the same keyword. */
function replacing(...lines: string[]): Configuration {
  const names = lines.map(line => line.split(' ')[0])
  return place => [...basics(place).filter(line => !names.includes(line.split(' ')[0])), ...lines]
}

function field(message: Buffer, at: number): Buffer {
  const offset = message.readUInt32LE(at + 4)
  return message.subarray(offset, offset + message.readUInt16LE(at))
}

async function messages(side: Side): Promise<[negotiate: Buffer, authenticate: Buffer]> {
  side.upstream.hangUp()
  await ask(side, 'GET http://site.test/ HTTP/1.1\nHost: site.test')
  const [negotiate, authenticate] = side.upstream.tokens
  return [negotiate!, authenticate!]
}

const flags = async (side: Side) =>
  `0x${(await messages(side))[0].readUInt32LE(12).toString(16).padStart(8, '0')}`

/** Domain, user and workstation of the AUTHENTICATE, as Unicode. */
async function names(side: Side): Promise<string[]> {
  const [, authenticate] = await messages(side)
  return [28, 36, 44].map(at => field(authenticate, at).toString('utf16le'))
}

/** Which of the LM and the NT field of the AUTHENTICATE are filled, and what a server makes of it. */
async function responses(side: Side): Promise<string[]> {
  const [, authenticate] = await messages(side)
  const filled = (
    [
      ['LM', 12],
      ['NT', 20],
    ] as const
  ).filter(([, at]) => field(authenticate, at).some(byte => byte !== 0))
  const verdict = side.upstream.verdicts.at(-1)
  return [...filled.map(([name]) => name), verdict?.ok === true ? verdict.dialect : 'rejected']
}

const withDialect = (dialect: string, ...cases: Case[]): [Configuration, ...Case[]] => [
  replacing(`Auth ${dialect}`),
  ...cases,
]

const OFFER =
  'every dialect offers both character sets and Version, so that servers of any age find theirs'

const rows: [Configuration, ...Case[]][] = [
  withDialect(
    'ntlmv2',
    same('Auth NTLMv2, in any case, sends LMv2 and NTLMv2', responses, ['LM', 'NT', 'NTLMv2']),
    better('flags of Auth NTLMv2', OFFER, flags, { cntlm: '0xa208b205', tsntlm: '0xa2088207' }),
    better(
      'beside a timestamp LMv2 is sent too',
      'MS-NLMP section 3.1.5.1.2 has zeros there',
      async side => {
        side.upstream.script = demandNtlm(side.upstream, { sendTimestamp: true })
        return responses(side)
      },
      { cntlm: ['LM', 'NT', 'NTLMv2'], tsntlm: ['NT', 'NTLMv2'] },
    ),
    better(
      'there is no message integrity code',
      'MS-NLMP section 3.1.5.1.2 has one beside a timestamp, and servers may require it',
      async side => {
        side.upstream.script = demandNtlm(side.upstream, { sendTimestamp: true })
        await messages(side)
        const verdict = side.upstream.verdicts.at(-1)
        return verdict?.ok === true && verdict.micChecked
      },
      { cntlm: false, tsntlm: true },
    ),
    better(
      'the NEGOTIATE names domain and workstation',
      'MS-NLMP section 2.2.1.1 has them optional, and whoever listens learns them',
      async side => {
        const [negotiate] = await messages(side)
        return [16, 24].map(at => field(negotiate, at).length > 0)
      },
      { cntlm: [true, true], tsntlm: [false, false] },
    ),
  ),
  withDialect(
    'NTLM2SR',
    same('Auth NTLM2SR sends a nonce and the session response', responses, ['LM', 'NT', 'NTLM2SR']),
    better('flags of Auth NTLM2SR', OFFER, flags, { cntlm: '0xa208b207', tsntlm: '0xa2088207' }),
  ),
  withDialect(
    'NTLM',
    same('Auth NTLM sends LM and NT', responses, ['LM', 'NT', 'NTLM']),
    better('flags of Auth NTLM', OFFER, flags, { cntlm: '0x0000b207', tsntlm: '0xa2008207' }),
  ),
  withDialect(
    'NT',
    better('Auth NT sends zeros', 'then it can never succeed', responses, {
      cntlm: ['rejected'],
      tsntlm: ['LM', 'NT', 'NT'],
    }),
    better('flags of Auth NT', OFFER, flags, { cntlm: '0x0000b205', tsntlm: '0xa2008207' }),
  ),
  withDialect(
    'LM',
    same('Auth LM sends LM alone', responses, ['LM', 'LM']),
    better('flags of Auth LM', OFFER, flags, { cntlm: '0x0000b206', tsntlm: '0xa2008207' }),
  ),
  [
    replacing('Flags 0x06820000'),
    same('the bytes of Flags are in wire order', flags, '0x00008206'),
    better(
      'Flags that offer no Unicode are followed by Unicode names',
      'MS-NLMP section 2.2.1.3 has the flags decide',
      responses,
      { cntlm: ['LM', 'NT', 'rejected'], tsntlm: ['LM', 'NT', 'NTLMv2'] },
    ),
  ],
  [
    replacing('Domain Corp', 'Username Alice', `Workstation Work.Place.${'o'.repeat(50)}`),
    same('the user keeps its case', async side => (await names(side))[1], 'Alice'),
    better(
      'domain and workstation are sent in upper case',
      'a PassNTLMv2 is bound to the domain as it is written',
      async side => {
        const [domain, , workstation = ''] = await names(side)
        return [domain, workstation.slice(0, 10)]
      },
      { cntlm: ['CORP', 'WORK.PLACE'], tsntlm: ['Corp', 'Work.Place'] },
    ),
    better(
      'values are cut to 49 bytes',
      'what is written counts',
      async side => (await names(side))[2]?.length,
      { cntlm: 49, tsntlm: 61 },
    ),
  ],
  [
    replacing('Username J\xf6rg'),
    better(
      'a user in UTF-8 becomes two wrong letters',
      'UTF-8 is how files are written',
      async side => (await names(side))[1],
      { cntlm: 'J\xc3\xb6rg', tsntlm: 'J\xf6rg' },
    ),
  ],
  [
    place => Buffer.from([...basics(place).slice(1), 'Username J\xf6rg', ''].join('\n'), 'latin1'),
    same('a user in Latin-1 is read', async side => (await names(side))[1], 'J\xf6rg'),
  ],
]

if (skipUnless(t, ['cntlm'])) {
  for (const [configuration, ...cases] of rows) {
    t.test('NTLM messages', async t => {
      await compare(t, await startDuel(t, configuration), cases)
    })
  }
}
