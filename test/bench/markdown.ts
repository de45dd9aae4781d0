import { advantage, type Cell, cellValue, type Report, type Row, type Table } from './results.ts'
import { rounded } from './statistics.ts'
import { judge, TARGETS } from './targets.ts'

/** What comes between the markers of docs/benchmarks.md. */
export function markdown(report: Report): string {
  return [
    `Measured on ${report.machine}. Each value is the median of the rounds, in parentheses the least and the greatest. "tsntlm by it" is how`,
    'many times better tsntlm does than the subject of the row in the first column: above 1 is better.',
    '',
    ...tableOf(
      ['subject', 'what'],
      report.subjects.map(({ name, what }) => [name, what]),
    ),
    '',
    '### Targets',
    '',
    ...tableOf(
      ['target', 'wanted', 'measured', 'met'],
      TARGETS.map(target => targetRow(report, target)),
    ),
    ...report.tables.flatMap(table => ['', `### ${table.figure.title}`, '', ...figureTable(table)]),
    '',
  ].join('\n')
}

function targetRow(report: Report, target: (typeof TARGETS)[number]): string[] {
  const { isMet, value } = judge(report, target)
  const verdict = isMet === undefined ? 'not measured' : isMet ? 'yes' : 'no'
  const measured = value === undefined ? '-' : rounded(value)
  return [target.text, `${target.bound} ${target.limit}`, measured, verdict]
}

function figureTable({ figure, rows }: Table): string[] {
  const { columns } = figure
  const [first] = columns
  const own = rows.find(({ subject }) => subject === 'tsntlm')?.cell
  const ratio = ({ cell, subject }: Row): string => {
    if (first === undefined || own === undefined || subject === 'tsntlm') return ''
    const value = advantage(cellValue(own, first.key), cellValue(cell, first.key), first.better)
    return value === undefined ? '' : `x ${rounded(value)}`
  }
  return tableOf(
    ['', ...columns.map(({ title }) => title), 'tsntlm by it'],
    rows.map(row => [
      row.subject,
      ...(row.cell.failure === undefined
        ? columns.map(({ key }) => cellText(row.cell, key))
        : [`failed: ${row.cell.failure}`, ...columns.slice(1).map(() => '')]),
      ratio(row),
    ]),
  )
}

function cellText(cell: Cell, key: string): string {
  const value = cellValue(cell, key)
  if (value === undefined) return '-'
  const { max, median, min } = value
  return cell.rounds.length === 1
    ? rounded(median)
    : `${rounded(median)} (${rounded(min)}-${rounded(max)})`
}

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(escapeCell).join(' | ')} |`
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)]
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
