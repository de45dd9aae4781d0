import t from 'tap'
import { lmowfv1, ntowfv1, passNtlmV2 } from '../../src/ntlm/index.ts'
import { skipUnless } from '../harness/real/programs.ts'
import {
  basics,
  better,
  type Case,
  compare,
  type Configuration,
  type Name,
  runToEnd,
  same,
  startDuel,
  type Test,
} from './duel.ts'
import { ACCOUNT } from './house.ts'
import { ask, HELLO, statusOf } from './normal.ts'

const NAMES = ['Username testuser', 'Domain corp-uk']

interface Printing {
  readonly name: string
  readonly lines?: readonly string[]
  readonly args?: readonly string[]
  readonly input?: string
}

/** All of these are ways to name the same account, with `password` for its password. */
const alike: Printing[] = [
  { name: 'a password that is entered', lines: NAMES, input: 'password\n' },
  {
    name: 'the password of the file, when none is entered',
    lines: [...NAMES, 'Password password'],
  },
  { name: 'the password of -p, when none is entered', lines: NAMES, args: ['-p', 'password'] },
  {
    name: 'an entered password beats that of the file',
    lines: [...NAMES, 'Password x'],
    input: 'password\n',
  },
  { name: '-u with a domain', args: ['-u', 'testuser@corp-uk'], input: 'password\n' },
]

async function print(test: Test, name: Name, { lines = [], args = [], input = '' }: Printing) {
  const all = (file: string): string[] => ['-H', '-c', file, ...args]
  const { code, out } = await runToEnd(test, name, { args: all, lines, input })
  return { code, lines: out.replace('Password: \n', '').trimEnd().split('\n') }
}

/** The lines as the other program writes hashes: every bit turned. */
function invert(lines: readonly string[]): string[] {
  return lines.map(line =>
    line.replace(/\b[0-9A-F]{32}\b/, hex =>
      Buffer.from(Buffer.from(hex, 'hex').map(byte => byte ^ 0xff))
        .toString('hex')
        .toUpperCase(),
    ),
  )
}

const PLAIN = [
  'PassLM          E52CAC67419A9A224A3B108F3FA6CB6D',
  'PassNT          8846F7EAEE8FB117AD06BDD830B7586C',
  "PassNTLMv2      E097C611EA19C676CD79309A3A2F59A3    # Only for user 'testuser', domain 'corp-uk'",
]

const ENCODING = 'PassEncoding    plain'

const hex = (hash: Buffer, isInverted: boolean): string =>
  Buffer.from(hash.map(byte => (isInverted ? byte ^ 0xff : byte))).toString('hex')

const NT = ntowfv1(ACCOUNT.password)
const V2 = passNtlmV2(NT, ACCOUNT.user, ACCOUNT.domain)
const LM = lmowfv1(ACCOUNT.password) ?? Buffer.alloc(16)

/** The account with lines in place of its password. */
const withHashes =
  (...lines: string[]): Configuration =>
  place => [...basics(place).filter(line => !line.startsWith('Password ')), ...lines]

const GET = 'GET http://site.test/a HTTP/1.1\nHost: site.test'
const served = (name: string): Case => same(name, side => ask(side, GET), HELLO)

const ACCOUNT_BOX = '407 Proxy Authentication Required'

const files: [Configuration, Case][] = [
  [
    withHashes(`PassNTLMv2 ${hex(V2, true)}`),
    served('the PassNTLMv2 of cntlm 0.92 alone is enough for Auth NTLMv2'),
  ],
  [
    withHashes(`PassNT ${hex(NT, true)}`, `PassNTLMv2 ${hex(V2, true)}`, `PassLM ${hex(LM, true)}`),
    served('the three lines that cntlm 0.92 prints are read'),
  ],
  [
    withHashes('Auth NTLM', `PassNT ${hex(NT, true)}`, `PassLM ${hex(LM, true)}`),
    served('PassNT and PassLM of cntlm 0.92 are read for Auth NTLM'),
  ],
  [
    withHashes('Auth NTLM2SR', `PassNT ${hex(NT, true)}`),
    served('the PassNT of cntlm 0.92 is read for Auth NTLM2SR'),
  ],
  [
    withHashes(`PassNTLMv2 ${'0'.repeat(32)}`, `Password ${ACCOUNT.password}`),
    served('Password beats hashes'),
  ],
  [
    withHashes(`PassNT ${hex(NT, true)}`),
    better(
      'PassNT alone is not enough for Auth NTLMv2',
      'PassNTLMv2 is made from it, MS-NLMP section 3.3.2',
      async side => statusOf(await ask(side, GET)),
      { cntlm: ACCOUNT_BOX, tsntlm: '200 OK' },
    ),
  ],
  [
    withHashes(`PassNT ${hex(NT, false)}`, `PassNTLMv2 ${hex(V2, false)}`),
    better(
      'the lines that cntlm 0.94 prints are not understood',
      'a file moves from one to the other',
      async side => statusOf(await ask(side, GET)),
      { cntlm: ACCOUNT_BOX, tsntlm: '200 OK' },
    ),
  ],
]

if (skipUnless(t, ['cntlm'])) {
  // Most of the time is spent waiting for programs to start.
  t.jobs = 4
  for (const printing of alike) {
    const because = 'plain hashes are what other programs print, and the first line says so'
    t.test(`-H: ${printing.name}: better, because ${because}`, { buffered: true }, async t => {
      const [theirs, ours] = await Promise.all([
        print(t, 'cntlm', printing),
        print(t, 'tsntlm', printing),
      ])
      t.strictSame(theirs, { code: 0, lines: invert(PLAIN) }, 'cntlm')
      t.strictSame(ours, { code: 0, lines: [ENCODING, ...PLAIN] }, 'tsntlm')
    })
  }

  t.test(
    '-H of no password: better, because hashes of nothing are of no use',
    { buffered: true },
    async t => {
      const theirs = await print(t, 'cntlm', { name: '', lines: NAMES })
      t.match(theirs, {
        code: 0,
        lines: [/^PassLM +F{32}$/, /^PassNT +F{32}$/, /^PassNTLMv2 +F{32} /],
      })
      t.strictSame(await print(t, 'tsntlm', { name: '', lines: NAMES }), { code: 1, lines: [''] })
    },
  )

  t.test(
    '-H without a user: better, because PassNTLMv2 is bound to one',
    { buffered: true },
    async t => {
      const printing = { name: '', input: 'password\n' }
      t.match(await print(t, 'cntlm', printing), { code: 0, lines: [/./, /./, /user ''/] })
      t.strictSame(await print(t, 'tsntlm', printing), { code: 1, lines: [''] })
    },
  )

  t.test(
    '-H of a long password: better, because LM ends at 14 characters',
    { buffered: true },
    async t => {
      const printing = { name: '', lines: NAMES, input: 'password1234567\n' }
      const [theirs, ours] = [await print(t, 'cntlm', printing), await print(t, 'tsntlm', printing)]
      t.match(theirs.lines[0], /^PassLM /)
      t.strictSame(ours.lines, [ENCODING, ...invert(theirs.lines.slice(1))])
    },
  )

  t.test(
    '-H of a password in UTF-8: better, because its bytes are no letters',
    { buffered: true },
    async t => {
      const [theirs, ours] = [
        await print(t, 'cntlm', { name: '', lines: NAMES, input: 'J\xf6rg\n' }),
        await print(t, 'tsntlm', { name: '', lines: NAMES, input: 'J\xf6rg\n' }),
      ]
      const ntOf = (password: string): string => ntowfv1(password).toString('hex').toUpperCase()
      t.match(invert(theirs.lines)[1], ntOf('J\xc3\xb6rg'))
      t.match(ours.lines[1], ntOf('J\xf6rg'))
    },
  )

  for (const [configuration, each] of files) {
    t.test('hashes in a configuration', { buffered: true }, async t => {
      await compare(t, await startDuel(t, configuration), [each])
    })
  }
}
