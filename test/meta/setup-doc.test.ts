import { readFileSync } from 'node:fs'
import t from 'tap'
import { TARGETS } from '../../src/setup/index.ts'

const text = readFileSync(new URL('../../docs/setup.md', import.meta.url), 'utf8')
const [, targets = ''] = text.split('\n## Targets\n')
const sections = (targets.split('\n## ')[0] ?? '').split('\n### ').slice(1)
const sectionOf = (name: string): string =>
  sections.find(section => section.startsWith(`\`${name}\`\n`)) ?? ''

t.test(
  'docs/setup.md has a section for each target and for no other, in the same order',
  async t => {
    const names = sections.map(section => /^`([^`]+)`\n/.exec(section)?.[1])
    t.same(
      names,
      TARGETS.map(({ name }) => name),
    )
  },
)

t.test('each section names the files of its target', async t => {
  const facts = {
    host: { host: '127.0.0.1', port: 3128 },
    container: { host: '172.17.0.1', port: 3128 },
    containerWarning: undefined,
    noProxy: [],
    home: '/home/u',
    isRoot: true,
  }
  const read = (): string => '[[runners]]\nname = "a"\n'
  let named = 0
  for (const { name, plan } of TARGETS) {
    for (const daemonJson of [false, true]) {
      for (const { path } of plan(facts, { daemonJson, read, envCommand: 'tsntlm env' }).files) {
        t.match(sectionOf(name), `\`${path.replace('/home/u/', '~/')}\``, name)
        named++
      }
    }
  }
  t.ok(named > TARGETS.length)
})
