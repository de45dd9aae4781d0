import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { FLAGS } from '../../src/cli/flags.ts'
import { assembleConfig, DIRECTIVES, formatIssue, parseDirectives } from '../../src/config/index.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

const DOCUMENTS = [
  ...readdirSync(ROOT).filter(name => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs')).map(name => `docs/${name}`),
]

interface Code {
  /** The language of a fenced block, or `inline`. */
  readonly kind: string
  readonly text: string
}

/** Fenced blocks and what stands between backquotes. */
function codeOf(markdown: string): Code[] {
  const fences = [...markdown.matchAll(/^ *```(\w*)\n([\s\S]*?)^ *```$/gm)]
  const prose = markdown.replace(/^ *```[\s\S]*?^ *```$/gm, '')
  return [
    ...fences.map(([, kind = '', text = '']) => ({ kind, text })),
    ...[...prose.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => ({ kind: 'inline', text })),
  ]
}

const manifest = JSON.parse(read('package.json')) as {
  readonly version: string
  readonly files: readonly string[]
  readonly dependencies: Readonly<Record<string, string>>
  readonly optionalDependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

t.test('the version of package.json has its entry in CHANGELOG.md', async t => {
  const entries = [...read('CHANGELOG.md').matchAll(/^## \[([^\]]+)\]/gm)].map(([, name]) => name)
  t.ok(entries.includes(manifest.version), manifest.version)
})

t.test('what package.json publishes is there, except what the build makes', async t => {
  for (const name of manifest.files.filter(each => each !== 'dist'))
    t.ok(existsSync(join(ROOT, name)), name)
})

t.test('docs/dependencies.md has a row for each dependency and for no other', async t => {
  const [, afterRuntime = ''] = read('docs/dependencies.md').split('\n## Runtime\n')
  const [runtime = '', development = ''] = afterRuntime.split('\n## Development\n')
  const names = (text: string): (string | undefined)[] =>
    [...text.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name)
  const needed = { ...manifest.dependencies, ...manifest.optionalDependencies }
  t.same(names(runtime).sort(), Object.keys(needed).sort())
  t.same(names(development).sort(), Object.keys(manifest.devDependencies).sort())
})

t.test('links between the documents lead somewhere', async t => {
  let followed = 0
  for (const document of DOCUMENTS) {
    for (const [, path = '', anchor] of read(document).matchAll(/\]\(([^):#]*)(?:#([^)]+))?\)/g)) {
      const target = join(dirname(document), path)
      t.ok(existsSync(join(ROOT, target)), `${document}: ${path}`)
      if (anchor !== undefined) t.ok(anchorsOf(read(target)).includes(anchor), `#${anchor}`)
      followed++
    }
  }
  t.ok(followed > 10)
})

/** The anchors that GitHub gives to headings. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}

t.test('configurations in the documents have no error and no warning', async t => {
  const blocks = DOCUMENTS.flatMap(name => codeOf(read(name)).filter(({ kind }) => kind === 'conf'))
  for (const { text } of blocks) {
    const { directives, issues } = parseDirectives(text, 'document')
    const assembled = assembleConfig(directives)
    // What has no line is missing, and an excerpt may leave things out.
    const found = [...issues, ...assembled.issues].filter(({ origin }) => origin !== undefined)
    t.same(found.map(formatIssue), [])
  }
  t.ok(blocks.length > 1)
})

/** Words that begin like a directive and are none: fields and words of HTTP. */
const OTHER_WORDS = [
  'Accept',
  'Authorization',
  'Basic',
  'Connection',
  'Date',
  'Host',
  'Math',
  'Negotiate',
  'Upgrade',
  'Via',
]

t.test('no document names a directive that does not exist', async t => {
  const known = new Set(DIRECTIVES.flatMap(({ name, aliases }) => [name, ...aliases]))
  for (const document of DOCUMENTS) {
    const unknown = codeOf(read(document))
      .filter(({ kind }) => kind === 'inline')
      .map(({ text }) => /^([A-Z][A-Za-z0-9]*[a-z0-9][A-Za-z0-9]*)(?: |$)/.exec(text)?.[1])
      .filter(word => word !== undefined && !known.has(word) && !OTHER_WORDS.includes(word))
    t.same(unknown, [], document)
  }
})

t.test('no document shows a command or an option that does not exist', async t => {
  const source = read('src/cli/command-line.ts') + read('src/cli/control-commands.ts')
  const names = (pattern: RegExp): string[] =>
    [...source.matchAll(pattern)].map(([, name = '']) => name)
  const commands = names(/\.command\(\s*'([a-z-]+)[ ']/g)
  const options = [...names(/\.option\('([a-z-]+)'/g), ...FLAGS.map(({ long }) => long)]
  const letters = FLAGS.map(({ letter }) => letter)
  t.ok(commands.includes('check') && options.includes('config') && letters.includes('c'))
  let seen = 0
  for (const document of DOCUMENTS) {
    for (const { kind, text } of codeOf(read(document))) {
      if (kind !== 'inline' && kind !== 'sh') continue
      for (const line of text.replace(/#.*$/gm, '').split('\n')) {
        const call = /^(?:node bin\/tsntlm\.js|npm start --|tsntlm)(?= |$)(.*)$/.exec(line.trim())
        const words = call?.[1]?.trim().split(/\s+/) ?? []
        const [first = ''] = words
        if (/^[a-z]/.test(first)) t.ok(commands.includes(first), `${document}: ${line}`)
        for (const [, long] of words.join(' ').matchAll(/--([a-z0-9-]+)/g))
          t.ok(options.includes(long ?? ''), `${document}: --${long}`)
        for (const word of words.filter(each => /^-[a-zA-Z]$/.test(each)))
          t.ok(letters.includes(word.charAt(1)), `${document}: ${word}`)
        if (call !== null) seen++
      }
    }
  }
  t.ok(seen > 8)
})
