import { realpathSync, statSync } from 'node:fs'
import { findTarget, TARGETS } from '../setup/index.ts'
import { FAILED, OK } from './exit-code.ts'
import { applyTarget } from './setup-apply.ts'
import type { FactArguments } from './setup-facts.ts'
import { FileTrouble } from './setup-files.ts'
import { loadRecord, recordPath } from './setup-record.ts'
import { undoTarget } from './setup-undo.ts'

export interface SetupArguments extends FactArguments {
  readonly target: string | undefined
  readonly write: boolean
  readonly undo: boolean
  readonly root: string
  readonly daemonJson: boolean
}

type Say = (line: string) => void

/** `tsntlm setup`: makes another program use tsntlm, shows what that would change, or takes it back. */
export function setupCommand(args: SetupArguments, print: Say, complain: Say): number {
  if (args.target === undefined) {
    for (const line of listTargets()) print(line)
    return OK
  }
  const target = findTarget(args.target)
  if (target === undefined) {
    complain(`tsntlm setup: "${args.target}" is no target; there are:`)
    for (const line of listTargets()) complain(line)
    return FAILED
  }
  if (args.write && args.undo) {
    complain('tsntlm setup: --write and --undo contradict each other')
    return FAILED
  }
  const root = existingDirectory(args.root)
  if (root === undefined) {
    complain(`tsntlm setup: --root "${args.root}" is no directory`)
    return FAILED
  }
  const file = recordPath(root)
  try {
    const place = { root, recordFile: file, record: loadRecord(file) }
    return args.undo
      ? undoTarget(target, place, print, complain)
      : applyTarget(target, args, place, print, complain)
  } catch (error) {
    if (!(error instanceof FileTrouble)) throw error
    complain(`tsntlm setup: ${file}: ${error.message}`)
    return FAILED
  }
}

function existingDirectory(path: string): string | undefined {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
    ? realpathSync(path)
    : undefined
}

function listTargets(): string[] {
  const width = Math.max(...TARGETS.map(({ name }) => name.length)) + 2
  return TARGETS.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`)
}
