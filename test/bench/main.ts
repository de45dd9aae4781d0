import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import yargs from 'yargs'
import { NtlmAcceptor } from '../../src/demo/ntlm-acceptor.ts'
import { NEGOTIATE } from '../harness/plain-ntlm.ts'
import { findProgram } from '../harness/real/programs.ts'
import { PASSWORD, type Squid, startSquid } from '../harness/real/squid.ts'
import { chart } from './chart.ts'
import { type Figure, figures, type Laboratory, type Values } from './figures.ts'
import { markdown } from './markdown.ts'
import { compile, startUpstream } from './native.ts'
import { type Report, type Table, valueOf } from './results.ts'
import { rounded, spread } from './statistics.ts'
import { subjects } from './subjects.ts'

const BEGIN = '<!-- npm run bench -- --docs writes what follows -->'
const END = '<!-- up to here -->'

const options = await yargs(process.argv.slice(2))
  .scriptName('npm run bench --')
  .options({
    quick: { type: 'boolean', default: false, describe: 'one short round' },
    rounds: { type: 'number', default: 3, describe: 'how often each figure is taken' },
    seconds: { type: 'number', default: 3, describe: 'how long a load lasts' },
    only: { type: 'string', array: true, describe: 'figures whose name begins so' },
    subjects: { type: 'string', array: true, describe: 'subjects whose name begins so' },
    cntlm: { type: 'string', describe: 'another cntlm to compare with' },
    px: { type: 'string', describe: 'px to compare with' },
    alpaca: { type: 'string', describe: 'alpaca to compare with' },
    output: { type: 'string', default: 'dist-bench/results', describe: 'folder for the results' },
    docs: { type: 'boolean', default: false, describe: 'write them into docs/benchmarks.md' },
  })
  .strict()
  .parseAsync()

const root = process.cwd()
const rounds = options.quick ? 1 : options.rounds
const begins = (name: string, with_: readonly string[] | undefined): boolean =>
  with_ === undefined || with_.some(start => name.startsWith(start))
const chosenSubjects = subjects({ root, ...options }).filter(({ name }) =>
  begins(name, options.subjects),
)
const chosenFigures = figures().filter(({ id }) => begins(id, options.only))

const folder = await mkdtemp(join(tmpdir(), 'tsntlm-bench-'))
const native = await compile(join(root, 'test/bench/native'), folder)
const upstream = await startUpstream(native, challenge())
const hasSquid = findProgram('squid') !== undefined && findProgram('ntlm_auth') !== undefined
const squid: Squid | undefined = hasSquid ? await startSquid({ auth: 'ntlm-local' }) : undefined
const laboratory: Laboratory = {
  native,
  folder,
  upstream,
  squid: squid?.port,
  seconds: options.quick ? 1 : options.seconds,
  mostTunnels: options.quick ? 2000 : 5000,
}
try {
  const tables: Table[] = []
  for (const figure of chosenFigures) {
    if (figure.needsSquid === true && squid === undefined) continue
    tables.push(await take(figure))
  }
  await write({
    machine: `${cpus()[0]?.model ?? 'an unknown processor'}, ${availableParallelism()} processors, node ${process.versions.node}, Linux, loopback`,
    subjects: chosenSubjects.map(({ name, what }) => ({ name, what })),
    tables,
  })
} finally {
  await squid?.stop()
  await upstream.stop()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}

/** A challenge as a domain member gives it; the upstream has no use for the answer. */
function challenge(): string {
  const accounts = [{ user: 'bench', domain: 'CORP', password: PASSWORD }]
  return new NtlmAcceptor({ accounts })
    .challenge(Buffer.from(NEGOTIATE, 'base64'))
    .toString('base64')
}

/** Round by round, all subjects in each: what disturbs the machine for a while disturbs all of them. */
async function take(figure: Figure): Promise<Table> {
  const taking = chosenSubjects.filter(
    ({ figures: own = '', ntlm }) =>
      figure.id.startsWith(own) &&
      (ntlm === 'true' ||
        (ntlm === 'feigned' && figure.needsSquid !== true) ||
        (ntlm === 'none' && figure.withRelays)),
  )
  const rows = taking.map(subject => ({
    subject,
    rounds: [] as Values[],
    failure: undefined as string | undefined,
  }))
  console.log(`\n${figure.title} (${figure.id})`)
  for (let round = 0; round < rounds; round++) {
    for (const row of rows) {
      if (row.failure !== undefined) continue
      try {
        row.rounds.push(await figure.measure(row.subject, laboratory))
      } catch (error) {
        row.failure = error instanceof Error ? error.message : String(error)
      }
    }
  }
  for (const { failure, rounds: measured, subject } of rows) {
    const values = figure.columns.map(({ key, title }) => {
      const value = spread(measured.flatMap(values_ => values_[key] ?? []))
      return value === undefined ? '' : `${title} ${rounded(value.median)}`
    })
    console.log(
      `  ${subject.name.padEnd(16)} ${failure === undefined ? values.join(', ') : `failed: ${failure}`}`,
    )
  }
  return {
    figure: { id: figure.id, title: figure.title, columns: figure.columns },
    rows: rows.map(({ failure, rounds: measured, subject }) => ({
      subject: subject.name,
      cell: { rounds: measured, failure },
    })),
  }
}

async function write(report: Report): Promise<void> {
  const text = markdown(report)
  const picture = growthChart(report)
  await mkdir(options.output, { recursive: true })
  await writeFile(join(options.output, 'results.json'), `${JSON.stringify(report, null, 2)}\n`)
  await writeFile(join(options.output, 'results.md'), text)
  await writeFile(join(options.output, 'growth.svg'), picture)
  console.log(`\n${text.split('### ')[1] ?? ''}`)
  console.log(`The rest is in ${options.output}.`)
  if (!options.docs) return
  const file = 'docs/benchmarks.md'
  const document = await readFile(file, 'utf8')
  const [head = ''] = document.split(BEGIN)
  const tail = document.split(END)[1] ?? ''
  await writeFile(file, `${head}${BEGIN}\n\n${text}\n${END}${tail}`)
  await writeFile('docs/benchmarks.svg', picture)
}

function growthChart(report: Report): string {
  const ids = report.tables.map(({ figure }) => figure.id).filter(id => id.startsWith('growth-'))
  return chart(
    { title: 'GET of 1 KiB over kept connections', x: 'clients at once', y: 'requests/s' },
    report.subjects.map(({ name }) => ({
      name,
      points: ids.flatMap(id => {
        const rate = valueOf(report, id, name, 'rate')
        return rate === undefined ? [] : [{ x: Number(id.slice('growth-'.length)), y: rate.median }]
      }),
    })),
  )
}
