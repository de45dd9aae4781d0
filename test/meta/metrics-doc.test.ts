import { readFileSync } from 'node:fs'
import t from 'tap'
import { COUNTERS, GAUGES, HISTOGRAMS } from '../../src/admin/index.ts'
import { createMetrics } from '../../src/admin/metrics.ts'
import { findProgram, program } from '../harness/real/programs.ts'
import { run } from '../harness/real/run.ts'
import { status } from '../unit/admin/status-sample.ts'

const path = (name: string): string => new URL(`../../${name}`, import.meta.url).pathname
const read = (name: string): string => readFileSync(path(name), 'utf8')

interface Row {
  readonly name: string
  readonly labels: readonly string[]
}

const RULES = 'conf/prometheus-rules.yml'
const DASHBOARD = 'conf/grafana-dashboard.json'

function rowsOf(table: Readonly<Record<string, { readonly labels: readonly string[] }>>): Row[] {
  return Object.entries(table).map(([name, { labels }]) => ({ name, labels }))
}

t.test('docs/metrics.md has a row for each metric, with its labels, and for no other', async t => {
  const sections = read('docs/metrics.md').split('\n## ')
  for (const [heading, table] of [
    ['Counters', COUNTERS],
    ['Histograms', HISTOGRAMS],
    ['Gauges', GAUGES],
  ] as const) {
    const section = sections.find(each => each.startsWith(heading)) ?? ''
    const documented = [...section.matchAll(/^\| `([a-z_]+)` \| ([^|]*)\|/gm)].map(
      ([, name = '', labels = '']) => ({
        name,
        labels: [...labels.matchAll(/`([a-z_]+)`/g)].map(([, label = '']) => label),
      }),
    )
    t.strictSame(documented, rowsOf(table), heading)
  }
})

t.test('names follow the conventions of Prometheus', async t => {
  for (const { name } of rowsOf(COUNTERS)) t.match(name, /^tsntlm_[a-z_]+_total$/)
  for (const { name } of rowsOf(HISTOGRAMS)) t.match(name, /^tsntlm_[a-z_]+_seconds$/)
  for (const { name } of rowsOf(GAUGES)) t.notMatch(name, /_(total|count|sum|bucket)$/)
})

t.test('alerts, dashboard and documents name metrics that exist', async t => {
  const metrics = await createMetrics(process.version)
  const exposed = [...(await metrics.text(status())).matchAll(/^# TYPE (\S+) (\S+)$/gm)]
  const known = new Set(
    exposed.flatMap(([, name = '', kind]) =>
      kind === 'histogram'
        ? [name, ...['bucket', 'sum', 'count'].map(end => `${name}_${end}`)]
        : [name],
    ),
  )
  for (const name of [RULES, DASHBOARD, 'docs/metrics.md', 'docs/management.md']) {
    const used = read(name).match(/\b(?:tsntlm|process|nodejs)_[a-z0-9_]*[a-z0-9]\b/g) ?? []
    t.strictSame(
      used.filter(each => !known.has(each)),
      [],
      name,
    )
  }
})

t.test('the dashboard shows every metric', async t => {
  const dashboard = read(DASHBOARD)
  const all = [COUNTERS, HISTOGRAMS, GAUGES].flatMap(rowsOf)
  t.strictSame(
    all.filter(({ name }) => !dashboard.includes(name)),
    [],
  )
  const { panels } = JSON.parse(dashboard) as { panels: { id: number; gridPos: object }[] }
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
})

t.test('labels in alerts and dashboard are labels of their metrics', async t => {
  const all = new Map([COUNTERS, HISTOGRAMS, GAUGES].flatMap(rowsOf).map(row => [row.name, row]))
  for (const file of [RULES, DASHBOARD]) {
    const selectors = read(file)
      .replaceAll('\\"', '"')
      .matchAll(/(tsntlm_[a-z_]+?)(?:_bucket)?\{([^}]*)\}/g)
    for (const [, name = '', text = ''] of selectors) {
      const allowed = [...(all.get(name)?.labels ?? []), 'instance', 'job']
      const used = [...text.matchAll(/([a-z_]+)(?:=|!)/g)].map(([, label = '']) => label)
      t.strictSame(
        used.filter(label => !allowed.includes(label)),
        [],
        `${file}: ${name}`,
      )
    }
  }
})

t.test('docs/management.md has a row for each alert', async t => {
  const alerts = [...read(RULES).matchAll(/- alert: (\w+)/g)].map(([, name]) => name)
  const documented = [...read('docs/management.md').matchAll(/^\| (Tsntlm\w+) \|/gm)]
  t.strictSame(
    documented.map(([, name]) => name),
    alerts,
  )
})

t.test('Prometheus takes the alerts, and what /metrics answers', async t => {
  if (findProgram('promtool') === undefined) return t.comment('not installed: promtool')
  const rules = await run(program('promtool'), ['check', 'rules', path(RULES)])
  t.equal(rules.code, 0, rules.stderr)
  const metrics = await createMetrics(process.version)
  const input = (await metrics.text(status())).replaceAll(/^.*nodejs_.*\n/gm, '')
  const checked = await run(program('promtool'), ['check', 'metrics'], { input })
  t.equal(checked.code, 0, `${checked.stdout.toString()}${checked.stderr}`)
})
