import { readFileSync } from 'node:fs'
import t from 'tap'
import { assembleConfig, DIRECTIVES, formatIssue, parseDirectives } from '../../src/config/index.ts'

const SAMPLE = 'conf/tsntlm.conf'
const text = readFileSync(new URL(`../../${SAMPLE}`, import.meta.url), 'utf8')

/** A directive that is commented out has no space behind the #, prose has one. */
const uncommented = text.replace(/^#(?=[A-Za-z0-9])/gm, '')
const shown = parseDirectives(uncommented, SAMPLE)

t.test('the sample configuration parses without an issue', async t => {
  const { directives, issues } = parseDirectives(text, SAMPLE)
  const assembled = assembleConfig(directives)
  t.strictSame([...issues, ...assembled.issues].map(formatIssue), [])
  t.not(assembled.config, undefined)
})

t.test('what an administrator must edit stands at its top and nothing else is set', async t => {
  const { directives } = parseDirectives(text, SAMPLE)
  const names = directives.map(directive => directive.name)
  t.strictSame(names, ['Username', 'Domain', 'Password', 'Proxy', 'Listen'])
  const lines = directives.map(({ origin }) => origin.line)
  t.ok(Math.max(...lines) < 15)
})

t.test('every directive that is commented out can be uncommented', async t => {
  const { issues, config } = assembleConfig(shown.directives)
  t.strictSame([...shown.issues, ...issues].map(formatIssue), [])
  t.not(config, undefined)
})

t.test('it mentions every active directive and no other', async t => {
  const mentioned = new Set(shown.directives.map(directive => directive.name))
  const active = DIRECTIVES.filter(({ status }) => status === 'active').map(({ name }) => name)
  t.strictSame([...mentioned].sort(), active.sort())
})

t.test('what it shows as a default is the default', async t => {
  const example = /For example:\n(#.*\n)*$/
  let compared = 0
  for (const { name, value } of shown.directives) {
    const spec = DIRECTIVES.find(each => each.name === name)
    const at = text.search(new RegExp(`^#${name}\\s`, 'm'))
    if (at < 0 || example.test(text.slice(0, at)) || spec?.repeatable === true) continue
    t.equal(value, spec?.defaultText, name)
    compared++
  }
  t.ok(compared > 10)
})
