import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { FLAGS } from '../../src/cli/flags.ts'
import { assembleConfig, DIRECTIVES, formatIssue, parseDirectives } from '../../src/config/index.ts'
import { findProgram } from '../harness/real/programs.ts'
import { run } from '../harness/real/run.ts'

const PROGRAM = 'man/tsntlm.1'
const FILE = 'man/tsntlm.conf.5'

function path(page: string): string {
  return fileURLToPath(new URL(`../../${page}`, import.meta.url))
}

function read(name: string): string {
  return readFileSync(path(name), 'utf8')
}

/** What the reader sees of a line of roff: fonts and escapes taken off. */
function plain(roff: string): string {
  return roff
    .replace(/\\f[BIR]/g, '')
    .replaceAll('\\-', '-')
    .replaceAll('\\e', '\\')
    .replaceAll('\\(dq', '"')
}

/** The text between a heading and the next one. */
function section(page: string, heading: string): string {
  const [, ...parts] = page.split(/^\.SH /m)
  return parts.find(part => part.replaceAll('"', '').startsWith(`${heading}\n`)) ?? ''
}

interface Entry {
  readonly name: string
  readonly defaultText: string | undefined
  readonly examples: readonly string[]
  readonly text: string
}

/** Headings that share a text have it both. */
function entriesOf(page: string): Entry[] {
  return page.split(/^\.TP\n(?=\\fB[A-Z])/m).flatMap(block => {
    const names = [...block.matchAll(/^\\fB([A-Z][A-Za-z0-9]+)\\fR /gm)].map(
      ([, name = '']) => name,
    )
    const text = block.split(/^\.S[HS] /m)[0] ?? ''
    const lines = text.split('\n').map(plain)
    const found = (start: string): string[] =>
      lines.filter(line => line.startsWith(start)).map(line => line.slice(start.length))
    const [defaultText] = found('Default: ').map(line => line.replace(/\.$/, ''))
    return names.map(name => ({ name, defaultText, examples: found('Example: '), text }))
  })
}

const entries = entriesOf(read(FILE))

t.test('tsntlm.conf(5) has an entry for each directive and for no other', async t => {
  const known = DIRECTIVES.map(({ name }) => name)
  t.strictSame(entries.map(({ name }) => name).sort(), known.sort())
})

t.test(
  'tsntlm.conf(5) names the defaults of the table, other names and what may be repeated',
  async t => {
    for (const { name, aliases, defaultText, repeatable, status } of DIRECTIVES) {
      const entry = entries.find(each => each.name === name)
      if (entry === undefined) continue
      t.equal(entry.defaultText, defaultText, name)
      for (const alias of aliases) t.match(entry.text, `.B ${alias}\n`, alias)
      if (status === 'active') t.equal(entry.text.includes('May be repeated'), repeatable, name)
    }
  },
)

/** What a configuration needs besides an example. */
const SOUND = ['Username a', 'Password b', 'Proxy 10.0.0.1:1', 'Listen 1']

t.test('the examples of tsntlm.conf(5) can be used', async t => {
  const active = DIRECTIVES.filter(({ status }) => status === 'active')
  for (const { name } of active) {
    const { examples = [] } = entries.find(each => each.name === name) ?? {}
    const own = examples.filter(example => example.startsWith(`${name} `))
    t.ok(own.length > 0, `${name} has an example`)
    for (const example of own) {
      const { directives, issues } = parseDirectives([example, ...SOUND].join('\n'), FILE)
      const errors = assembleConfig(directives).issues.filter(({ level }) => level === 'error')
      t.strictSame([...issues, ...errors].map(formatIssue), [], example)
    }
  }
  const whole = /^\.nf\n([^]*?)^\.fi/m.exec(section(read(FILE), 'EXAMPLES'))?.[1] ?? ''
  const { directives, issues } = parseDirectives(whole, FILE)
  t.ok(directives.length > 8)
  t.strictSame([...issues, ...assembleConfig(directives).issues].map(formatIssue), [])
})

t.test('tsntlm(1) has each option with its letter, value and group, and no other', async t => {
  const documented = section(read(PROGRAM), 'OPTIONS')
    .split(/^\.SS /m)
    .slice(1)
    .flatMap(part => {
      const [group = '', ...lines] = part.split('\n')
      return lines
        .filter(line => line.startsWith('\\fB\\-'))
        .map(line => `${group}: ${plain(line)}`)
    })
  const expected = FLAGS.map(({ letter, long, argument, group }) => {
    const names = [...(letter === undefined ? [] : [`-${letter}`]), `--${long}`].join(', ')
    return `${group}: ${names}${argument === undefined ? '' : ` ${argument}`}`
  })
  t.strictSame(documented.sort(), expected.sort())
})

t.test('tsntlm(1) has each command and no other, and the options of the commands', async t => {
  const source = read('src/cli/command-line.ts') + read('src/cli/control-commands.ts')
  const inSource = (pattern: RegExp): string[] =>
    [...source.matchAll(pattern)].map(([, name = '']) => name)
  const commands = inSource(/\.command\(\s*'([a-z-]+)[ ']/g)
  const page = section(read(PROGRAM), 'COMMANDS')
  const documented = [...page.matchAll(/^\.TP\n\.B[RI]? ([a-z\\-]+)/gm)].map(([, name = '']) =>
    plain(name),
  )
  t.strictSame(documented.sort(), ['run', ...commands].sort())
  for (const option of inSource(/\.option\('([a-z-]+)'/g))
    t.ok(plain(page).includes(`--${option}`), option)
})

t.test(
  'groff has nothing to say about the manual pages',
  { skip: findProgram('groff') === undefined ? 'not installed: groff' : false },
  async t => {
    for (const page of [PROGRAM, FILE]) {
      const { code, stdout, stderr } = await run('groff', [
        ...['-ww', '-man', '-Tutf8', '-z'],
        path(page),
      ])
      t.strictSame({ code, out: stdout.toString(), stderr }, { code: 0, out: '', stderr: '' }, page)
    }
  },
)
