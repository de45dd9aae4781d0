import { resolve } from 'node:path'
import t from 'tap'
import { FLAGS } from '../../../src/cli/flags.ts'
import {
  backgroundArguments,
  blankPasswords,
  lastValue,
  readRunFlags,
  showsPassword,
} from '../../../src/cli/run-flags.ts'
import { assembleConfig, DIRECTIVES } from '../../../src/config/index.ts'

type Setting = readonly [name: string, value: string]

function settings(argv: readonly string[]): Setting[] {
  return readRunFlags(argv).directives.map(({ name, value }) => [name, value])
}

/** Every letter of cntlm's that means a directive. */
const DIRECTIVE_CASES: readonly (readonly [argv: readonly string[], expected: Setting[]])[] = [
  [['-A', '10.0.0.0/8'], [['Allow', '10.0.0.0/8']]],
  [['-D', '*'], [['Deny', '*']]],
  [['-a', 'NTLM2SR'], [['Auth', 'NTLM2SR']]],
  [['-B'], [['NTLMToBasic', 'yes']]],
  [['-d', 'CORP'], [['Domain', 'CORP']]],
  [['-F', '0x06820000'], [['Flags', '0x06820000']]],
  [['-G', 'Wget/*'], [['ISAScannerAgent', 'Wget/*']]],
  [['-g'], [['Gateway', 'yes']]],
  [['-L', '8443:example.com:443'], [['Tunnel', '8443:example.com:443']]],
  [['-l', '3128'], [['Listen', '3128']]],
  [['-N', 'localhost, 127.*'], [['NoProxy', 'localhost, 127.*']]],
  [['-O', '127.0.0.1:1080'], [['SOCKS5Proxy', '127.0.0.1:1080']]],
  [['-R', 'joe:secret'], [['SOCKS5User', 'joe:secret']]],
  [['-r', 'X-Team: blue'], [['Header', 'X-Team: blue']]],
  [['-S', '1024'], [['ISAScannerSize', '1024']]],
  [['-T', 'trace.log'], [['LogLevel', 'debug']]],
  [['-u', 'alice'], [['Username', 'alice']]],
  [
    ['-u', 'alice@corp@x'],
    [
      ['Username', 'alice'],
      ['Domain', 'corp@x'],
    ],
  ],
  [['-u', 'CORP\\alice'], [['Username', 'CORP\\alice']]],
  [['-v'], [['LogLevel', 'debug']]],
  [['-w', 'PC17'], [['Workstation', 'PC17']]],
  [['-x', '/etc/proxy.pac'], [['Pac', '/etc/proxy.pac']]],
  [['-x', 'a.pac'], [['Pac', resolve('a.pac')]]],
  [['-x', 'http://wpad/a.pac'], [['Pac', 'http://wpad/a.pac']]],
  [['-X', 'NTLM'], [['SSPI', 'NTLM']]],
  [['--log-level', 'warn'], [['LogLevel', 'warn']]],
  [['--log-format', 'json'], [['LogFormat', 'json']]],
  [['proxy:8080'], [['Proxy', 'proxy:8080']]],
  [['proxy', '8080'], [['Proxy', 'proxy:8080']]],
  [['[::1]:8080'], [['Proxy', '[::1]:8080']]],
  [['[::1]', '8080'], [['Proxy', '[::1]:8080']]],
  [
    ['one', '-g', '1', 'two:2', '-l3', 'three', '3'],
    [
      ['Gateway', 'yes'],
      ['Listen', '3'],
      ['Proxy', 'one:1'],
      ['Proxy', 'two:2'],
      ['Proxy', 'three:3'],
    ],
  ],
  [
    ['-d', 'A', '-u', 'alice@B', '-A1.1.1.1', '-D', '*', '-A', '2.2.2.2'],
    [
      ['Domain', 'A'],
      ['Username', 'alice'],
      ['Domain', 'B'],
      ['Allow', '1.1.1.1'],
      ['Deny', '*'],
      ['Allow', '2.2.2.2'],
    ],
  ],
]

/** Flags that the program obeys itself. */
const OTHER_LETTERS = ['c', 'f', 'H', 'h', 'I', 'M', 'P', 'p', 'q', 's', 'U']

t.test('flags and operands become the directives of the same meaning', async t => {
  for (const [argv, expected] of DIRECTIVE_CASES) {
    t.strictSame(settings(argv), expected, argv.join(' '))
    t.strictSame(readRunFlags(argv).line.errors, [], argv.join(' '))
  }
})

t.test(
  'every flag of cntlm is there, with a long name, and stands for known directives',
  async t => {
    const cntlm = 'ABDFGHILMNOPRSTUXacdfghlpqrsuvwx'
    const letters = FLAGS.flatMap(({ letter }) => letter ?? [])
    t.equal([...letters].sort().join(''), cntlm)
    t.equal(new Set(FLAGS.map(({ long }) => long)).size, FLAGS.length)
    const tested = new Set(DIRECTIVE_CASES.flatMap(([argv]) => argv.map(word => word.charAt(1))))
    for (const letter of letters) t.ok(tested.has(letter) || OTHER_LETTERS.includes(letter), letter)
    const known = new Set(DIRECTIVES.map(({ name }) => name))
    for (const { directives, long } of FLAGS)
      for (const [name] of directives('x@y')) t.ok(known.has(name), `${long}: ${name}`)
  },
)

t.test('long names mean the same as letters', async t => {
  for (const { letter, long, argument } of FLAGS) {
    if (letter === undefined) continue
    const value = argument === undefined ? [] : ['some@value']
    t.strictSame(settings([`-${letter}`, ...value]), settings([`--${long}`, ...value]), long)
  }
})

t.test('what the command line says beats the file as with cntlm', async t => {
  const origin = { source: 'file', line: 1, column: 1 }
  const file = [
    ['Username', 'file'],
    ['Password', 'x'],
    ['Proxy', 'file:1'],
    ['Listen', '1'],
    ['Deny', '*'],
  ].map(([name = '', value = '']) => ({ name, value, origin }))
  const { directives } = readRunFlags(['-u', 'a', '-l2', 'argv', '2', '-A', '1.1.1.1', '-u', 'b'])
  const { config } = assembleConfig(file, directives)
  t.equal(config?.username, 'b')
  t.strictSame(
    config?.upstreams.map(({ host }) => host),
    ['argv', 'file'],
  )
  t.strictSame(
    config?.listeners.map(({ port }) => port),
    [2, 1],
  )
  t.strictSame(
    config?.acl.map(({ action, rule }) => [action, rule.text]),
    [['allow', '1.1.1.1']],
  )
})

t.test('an operand without a port is a mistake', async t => {
  const { errors } = readRunFlags(['one', '1', 'two']).line
  t.strictSame(errors, ['two is no command, and as an upstream proxy it lacks a port: two:PORT'])
})

t.test('the password is the last -p, standard input for -, and with -I the terminal', async t => {
  const source = (argv: readonly string[]): unknown => {
    const { password } = readRunFlags(argv)
    return typeof password === 'object' ? password.reveal() : password
  }
  t.equal(source([]), undefined)
  t.equal(source(['-p', 'a', '-pb']), 'b')
  t.equal(source(['-p', 'a', '-p-']), 'standard input')
  t.equal(source(['-I', '-p', 'a']), 'terminal')
  t.equal(source(['-p', '']), '')
})

t.test('passwords are starred in what ps shows, and the last file counts', async t => {
  const { line } = readRunFlags(['-vp', 'hunter2', '-Rjoe:hunter2', '-cx', '-c', 'y', 'p:1'])
  t.ok(showsPassword(line))
  t.strictSame(blankPasswords(line), [
    '--verbose',
    '--password=****',
    '--socks5-user=****',
    '--config=x',
    '--config=y',
    'p:1',
  ])
  t.equal(lastValue(line, 'config'), 'y')
  t.notOk(showsPassword(readRunFlags(['-p-', '-I']).line))
})

t.test('the background process gets no password, absolute paths, and means the same', async t => {
  const argv = ['-Ip', 'hunter2', '-c', 'a.conf', '-P', 'a.pid', '-r', 'X: a b', '-d', '', 'h', '1']
  const flags = readRunFlags([...argv, '-l0', '--', '-odd:1'])
  const args = backgroundArguments(flags.line, true)
  t.notMatch(args.join(' '), 'hunter2')
  const again = readRunFlags(args)
  t.strictSame(again.directives, flags.directives)
  t.equal(again.password, 'standard input')
  t.equal(lastValue(again.line, 'config'), resolve('a.conf'))
  t.equal(lastValue(again.line, 'pid-file'), resolve('a.pid'))
  t.equal(lastValue(again.line, 'foreground'), '')
  t.equal(readRunFlags(backgroundArguments(flags.line, false)).password, undefined)
})
