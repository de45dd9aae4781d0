import t from 'tap'
import { getopt } from '../../../src/cli/getopt.ts'

const SPECS = [
  { letter: 'v', long: 'verbose', argument: undefined },
  { letter: 'f', long: 'foreground', argument: undefined },
  { letter: 'c', long: 'config', argument: 'FILE' },
  { letter: 'l', long: 'listen', argument: 'PORT' },
  { letter: undefined, long: 'level', argument: 'LEVEL' },
]

interface Expected {
  readonly options?: readonly (readonly [long: string, value: string])[]
  readonly operands?: readonly string[]
  readonly errors?: readonly string[]
}

const CASES: readonly (readonly [argv: readonly string[], expected: Expected])[] = [
  [[], {}],
  [['-v'], { options: [['verbose', '']] }],
  [['-c', 'a.conf'], { options: [['config', 'a.conf']] }],
  [['-ca.conf'], { options: [['config', 'a.conf']] }],
  [
    ['-vfc', 'a.conf'],
    {
      options: [
        ['verbose', ''],
        ['foreground', ''],
        ['config', 'a.conf'],
      ],
    },
  ],
  [
    ['-vl3128', '-f'],
    {
      options: [
        ['verbose', ''],
        ['listen', '3128'],
        ['foreground', ''],
      ],
    },
  ],
  // The rest of the word is the value, whatever it looks like; so is the next word.
  [['-l=3128'], { options: [['listen', '=3128']] }],
  [['-c', '-v'], { options: [['config', '-v']] }],
  [['-c', '--'], { options: [['config', '--']] }],
  [['-c', ''], { options: [['config', '']] }],
  [['--config', 'a'], { options: [['config', 'a']] }],
  [['--config=a=b'], { options: [['config', 'a=b']] }],
  [['--config='], { options: [['config', '']] }],
  [['--level', 'x'], { options: [['level', 'x']] }],
  [['one', '-v', 'two'], { options: [['verbose', '']], operands: ['one', 'two'] }],
  [['-v', '--', '-f', '--', 'x'], { options: [['verbose', '']], operands: ['-f', '--', 'x'] }],
  [['-'], { operands: ['-'] }],
  [[''], { operands: [''] }],
  [['-c'], { errors: ['option -c needs a value: FILE'] }],
  [['-vc'], { options: [['verbose', '']], errors: ['option -c needs a value: FILE'] }],
  [['--config'], { errors: ['option --config needs a value: FILE'] }],
  [['-Zv'], { errors: ['unknown option -Z'] }],
  [['-vZ', 'x'], { options: [['verbose', '']], operands: ['x'], errors: ['unknown option -Z'] }],
  [['-é'], { errors: ['unknown option -é'] }],
  [['--conf', 'x'], { operands: ['x'], errors: ['unknown option --conf'] }],
  [['--bogus=1'], { errors: ['unknown option --bogus'] }],
  [['--verbose=1'], { errors: ['option --verbose takes no value'] }],
]

t.test('a command line is taken apart as getopt_long does', async t => {
  for (const [argv, { options = [], operands = [], errors = [] }] of CASES) {
    const line = getopt(argv, SPECS)
    const name = JSON.stringify(argv)
    t.strictSame(
      line.options.map(({ spec, value }) => [spec.long, value]),
      options,
      name,
    )
    t.strictSame(line.operands, operands, name)
    t.strictSame(line.errors, errors, name)
  }
})
