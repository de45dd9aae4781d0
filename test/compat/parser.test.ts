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
import { ACCOUNT } from './house.ts'
import { ask } from './normal.ts'

/** How a value reads is seen in the field that a Header line sets; the client's own field stands there otherwise. */
const OWN = 'own'

/** Lines, where `X` stands for a field name of their own, and the value that is sent. */
const readAlike: [name: string, lines: string, value: string][] = [
  ['a plain value', 'Header X: value', 'value'],
  ['a value ends at #', 'Header X: abc#def', 'abc'],
  [
    'a value in quotes may have # and ;, and what is behind it is ignored',
    'Header "X: abc#d e;f" junk',
    'abc#d e;f',
  ],
  ['a double quote inside is a character', 'Header X: a"b c', 'a"b c'],
  ['single quotes are characters', "Header X: 'x y'", "'x y'"],
  ['a ; inside is a character', 'Header X: ab;cd', 'ab;cd'],
  ['a value that starts with ; is none', 'Header ;X: y', OWN],
  ['a quote that is not closed makes no value', 'Header "X: abc', OWN],
  ['white space around a value is taken off', 'Header    X: abc   ', 'abc'],
  ['white space in front of a keyword is skipped', ' \t\f\rHeader\tX: v', 'v'],
  ['a line may end in CR LF', 'Header X: v\r', 'v'],
  ['case does not count in keywords', 'hEADER X: v', 'v'],
  ['a quote needs no space in front', 'Header"X: v"', 'v'],
  ['sections have no effect', '[Section]\nHeader X: v', 'v'],
  ['a keyword with [ behind it is a section', 'Header[x] X: v', OWN],
  ['# begins a comment', '#Header X: v', OWN],
  ['; begins a comment', ';Header X: v', OWN],
  ['an unknown keyword is ignored', 'Headers X: v', OWN],
  ['a line that starts with _ is ignored', '_Header X: v', OWN],
  ['a line that starts with = is ignored', '= Header X: v', OWN],
  ['a keyword without a value is ignored', 'Header\nHeader X: v', 'v'],
  ['a Header without a colon is ignored', 'Header X', OWN],
  ['a second line of one Header is ignored', 'Header X: v\nHeader X: w', 'v'],
  ['one line is one directive', 'Header X: v Header Y: w', 'v Header Y: w'],
  ['a \\ at the end continues nothing', 'Header X: v\\\n  w', 'v\\'],
  ['bytes beyond ASCII stay', 'Header X: J\xf6rg', 'J\xf6rg'],
  ['a value of 3000 bytes stays whole', `Header X: ${'v'.repeat(3000)}`, 'v'.repeat(3000)],
  ['a : behind a keyword belongs to the value', 'Header: X: v', OWN],
  ['a = behind a keyword belongs to the value', 'Header=X: v', OWN],
  ['a - ends a keyword', 'Header-Set X: v', OWN],
]

const LONG = 'v'.repeat(5000)

const readBetter: [name: string, because: string, lines: string, theirs: string, ours: string][] = [
  [
    'a line of more than 4095 bytes is cut, and its rest read as a line',
    'a line ends where it ends',
    `Header X: ${LONG}`,
    LONG.slice(0, 4095 - 'Header X00: '.length),
    LONG,
  ],
]

/** The value of the field that the lines with this number set. */
const valueOf = (number: number) => async (side: Side) => {
  const name = nameOf(number)
  await ask(side, `GET http://site.test/ HTTP/1.1\nHost: site.test\n${name}: ${OWN}`)
  const { head } = side.upstream.arrived.at(-1)!
  return new RegExp(`^${name}: (.*)$`, 'm').exec(head.replaceAll('\r', ''))?.[1]
}

function nameOf(number: number): string {
  return `X${String(number).padStart(2, '0')}`
}

const table: readonly [lines: string, Case][] = [
  ...readAlike.map(([name, lines, value], index): [string, Case] => [
    lines,
    same(name, valueOf(index), value),
  ]),
  ...readBetter.map(([name, because, lines, cntlm, tsntlm], index): [string, Case] => [
    lines,
    better(name, because, valueOf(readAlike.length + index), { cntlm, tsntlm }),
  ]),
]

const allLines: Configuration = place => {
  const lines = table.map(([text], index) => text.replaceAll(/\bX(?=:|$)/g, nameOf(index)))
  return Buffer.from([...basics(place), ...lines, ''].join('\n'), 'latin1')
}

/** Who the upstream takes the client for. */
async function account(side: Side): Promise<unknown> {
  await ask(side, 'GET http://site.test/ HTTP/1.1\nHost: site.test')
  const verdict = side.upstream.verdicts.at(-1)
  return verdict?.ok === true ? [verdict.user, verdict.workstation] : verdict?.reason
}

function replacing(...lines: string[]): Configuration {
  const names = lines.map(line => line.split(' ')[0])
  return place => [...basics(place).filter(line => !names.includes(line.split(' ')[0])), ...lines]
}

const IN = [ACCOUNT.user, 'HERE']

const files: [Configuration, Case][] = [
  [
    replacing('Workstation HERE', 'Workstation THERE', `Username ${ACCOUNT.user}`, 'Username bob'),
    same('of two lines for one value the first counts', account, IN),
  ],
  [
    place =>
      `${[...basics(place).slice(0, -1), 'Workstation HERE', ...basics(place).slice(-1)].join('\r\n')}\r\n`,
    same('a file of Windows', account, IN),
  ],
  [
    place => [...basics(place).slice(1), 'Workstation HERE', `Username ${ACCOUNT.user}`].join('\n'),
    better(
      'a last line without an end is lost',
      'editors leave it so, and it reads as any other',
      account,
      {
        cntlm: 'the account is unknown',
        tsntlm: IN,
      },
    ),
  ],
  [
    place =>
      `\ufeff${[`Username ${ACCOUNT.user}`, ...basics(place).slice(1), 'Workstation HERE', ''].join('\n')}`,
    better('a byte order mark costs the first line', 'editors write it', account, {
      cntlm: 'the account is unknown',
      tsntlm: IN,
    }),
  ],
]

if (skipUnless(t, ['cntlm'])) {
  t.test('lines of a configuration', async t => {
    await compare(
      t,
      await startDuel(t, allLines),
      table.map(([, each]) => each),
    )
  })

  for (const [configuration, each] of files) {
    t.test('a configuration file', async t => {
      await compare(t, await startDuel(t, configuration), [each])
    })
  }
}
