import { formatHostPort, type HostPort } from '../core/index.ts'
import type { Facts } from './facts.ts'
import type { Key } from './formats/format.ts'
import type { FormatName } from './formats/formats.ts'

/** One value that a target wants in a file. */
export interface Setting {
  readonly key: Key
  readonly value: string
}

export interface PlannedFile {
  /** Absolute, without --root. */
  readonly path: string
  readonly why: string
  readonly format: FormatName
  /** Of a new file. */
  readonly mode: number
  readonly settings: readonly Setting[]
}

/** What a target comes to under given facts. */
export interface Plan {
  readonly files: readonly PlannedFile[]
  /** What the user must know, one line each. */
  readonly warnings: readonly string[]
  /** What makes it effective; not run by tsntlm. */
  readonly commands: readonly string[]
  /** What cannot be written into a file of this host, ready to be copied. */
  readonly notes: readonly string[]
}

export interface PlanOptions {
  /** Of the target docker: daemon.json instead of a drop-in. */
  readonly daemonJson: boolean
  /** What a file holds, undefined where there is none. Paths are without --root. */
  readonly read: (path: string) => string | undefined
  /** How `tsntlm env` must be called to get the same addresses. */
  readonly envCommand: string
}

export interface Target {
  readonly name: string
  /** One line, for the list of targets. */
  readonly summary: string
  readonly plan: (facts: Facts, options: PlanOptions) => Plan
}

/** Who may read a new file: everybody, or its owner. */
export const PUBLIC = 0o644
export const PRIVATE = 0o600

export const NOTHING: Plan = { files: [], warnings: [], commands: [], notes: [] }

export function proxyUrl(proxy: HostPort): string {
  return `http://${formatHostPort(proxy)}`
}
