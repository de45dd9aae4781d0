import type { Figure, Values } from './figures.ts'
import { type Spread, spread } from './statistics.ts'

/** What was measured of one subject in one figure. */
export interface Cell {
  readonly rounds: readonly Values[]
  /** Why there is no figure. */
  readonly failure: string | undefined
}

export interface Row {
  readonly subject: string
  readonly cell: Cell
}

export interface Table {
  readonly figure: Pick<Figure, 'id' | 'title' | 'columns'>
  readonly rows: readonly Row[]
}

export interface Report {
  readonly machine: string
  readonly subjects: readonly { readonly name: string; readonly what: string }[]
  readonly tables: readonly Table[]
}

/** One value of a subject over all rounds; undefined when it was not measured, or a round failed. */
export function valueOf(
  report: Report,
  id: string,
  subject: string,
  key: string,
): Spread | undefined {
  const table = report.tables.find(({ figure }) => figure.id === id)
  const cell = table?.rows.find(row => row.subject === subject)?.cell
  return cell === undefined ? undefined : cellValue(cell, key)
}

/** All rounds must have succeeded: a figure with a failure is none. */
export function cellValue({ failure, rounds }: Cell, key: string): Spread | undefined {
  if (failure !== undefined) return undefined
  return spread(rounds.flatMap(round => round[key] ?? []))
}

/** How many times better the first is: above 1 is better. */
export function advantage(
  one: Spread | undefined,
  other: Spread | undefined,
  better: 'more' | 'less',
): number | undefined {
  if (one === undefined || other === undefined || one.median === 0 || other.median === 0)
    return undefined
  return better === 'more' ? one.median / other.median : other.median / one.median
}
