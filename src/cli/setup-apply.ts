import { join } from 'node:path'
import { systemClock } from '../core/index.ts'
import {
  applyPlan,
  diffLines,
  entryAfter,
  type FileState,
  type Plan,
  type PlannedFile,
  type Target,
  withFile,
} from '../setup/index.ts'
import { FAILED, OK } from './exit-code.ts'
import { commandForEnv, type FactArguments, gatherFacts } from './setup-facts.ts'
import {
  backUp,
  FileTrouble,
  missingDirectories,
  readText,
  realFile,
  replaceFile,
} from './setup-files.ts'
import { describeTrouble, type Place, stateOf, withoutRoot } from './setup-place.ts'
import { saveRecord } from './setup-record.ts'

type Say = (line: string) => void

export interface ApplyArguments extends FactArguments {
  readonly write: boolean
  readonly daemonJson: boolean
}

interface FileChange {
  readonly planned: PlannedFile
  readonly real: string
  readonly state: FileState
  readonly text: string
  readonly needsBackup: boolean
}

/** Shows what a target needs, and writes it with --write. Nothing is written when one of the files cannot be edited. */
export function applyTarget(
  target: Target,
  args: ApplyArguments,
  place: Place,
  print: Say,
  complain: Say,
): number {
  const facts = gatherFacts(args, 'setup', complain)
  if (facts === undefined) return FAILED
  const troubles: string[] = []
  let plan: Plan
  try {
    plan = target.plan(facts, {
      daemonJson: args.daemonJson,
      envCommand: commandForEnv(args),
      read: path => readText(realFile(place.root, path)),
    })
  } catch (error) {
    complain(`tsntlm setup: ${describeTrouble('a file of the target', error)}`)
    return FAILED
  }
  const changes = plan.files.flatMap(planned => {
    try {
      return [prepare(planned, target, place)]
    } catch (error) {
      troubles.push(describeTrouble(join(place.root, planned.path), error))
      return []
    }
  })
  for (const change of changes) show(change, print)
  for (const warning of plan.warnings) print(`warning: ${warning}`)
  for (const note of plan.notes) print(note)
  for (const trouble of troubles) complain(`tsntlm setup: ${trouble}`)
  if (troubles.length > 0) return FAILED
  const wanted = changes.filter(({ state, text }) => text !== state.text)
  if (!args.write) {
    if (wanted.length > 0)
      print(`Nothing has been written. To write it: the same command with --write`)
    return OK
  }
  if (!writeAll(changes, target, place, print, complain)) return FAILED
  if (wanted.length > 0) showCommands(plan.commands, print)
  return OK
}

function prepare(planned: PlannedFile, target: Target, place: Place): FileChange {
  const real = realFile(place.root, planned.path)
  const state = stateOf(place, real)
  return { planned, real, state, ...applyPlan(planned, target.name, state) }
}

function show({ planned, real, state, text }: FileChange, print: Say): void {
  if (text === state.text) return print(`${real}: nothing to do`)
  print(`${real}${state.text === undefined ? ' (new file)' : ''}: ${planned.why}`)
  for (const line of diffLines(state.text ?? '', text)) print(`  ${line}`)
}

function showCommands(commands: readonly string[], print: Say): void {
  if (commands.length === 0) return
  print('To make it effective (not run by tsntlm):')
  for (const command of commands) print(`  ${command}`)
}

/** Whoever may read the file may enter the directories that are made for it. */
function directoryMode(mode: number): number {
  return mode | ((mode & 0o444) >> 2)
}

function showBackup(copy: string, text: string, print: Say): void {
  print(`backup: ${copy}`)
  if (/:\/\/[^/@\s]+@/.test(text))
    print('warning: the backup holds an address with an account: delete it when all works')
}

/** @returns whether all went well */
function writeAll(
  changes: readonly FileChange[],
  target: Target,
  place: Place,
  print: Say,
  complain: Say,
): boolean {
  let { record } = place
  for (const change of changes) {
    const { planned, real, state, text, needsBackup } = change
    const isChanged = text !== state.text
    // What stood there before and was not written by tsntlm is not taken back by it either.
    if (!isChanged && state.entry === undefined) continue
    const path = withoutRoot(place, real)
    try {
      const copy = isChanged && needsBackup ? backUp(real, systemClock.wallMs()) : undefined
      if (copy !== undefined) showBackup(copy, state.text ?? '', print)
      const backup = copy === undefined ? undefined : withoutRoot(place, copy)
      const directories = missingDirectories(real).map(each => withoutRoot(place, each))
      const details = { planned, state, text, backup, directories }
      const entry = entryAfter({ path, target: target.name, ...details })
      // The record first: what is in it and not in the file is passed over by --undo.
      saveRecord(place.recordFile, withFile(record, path, entry))
      if (isChanged) {
        try {
          replaceFile(real, text, {
            mode: planned.mode,
            directoryMode: directoryMode(planned.mode),
          })
        } catch (error) {
          saveRecord(place.recordFile, record)
          throw error
        }
        print(`written: ${real}`)
      }
      record = withFile(record, path, entry)
    } catch (error) {
      if (!(error instanceof FileTrouble)) throw error
      complain(`tsntlm setup: ${real}: ${error.message}`)
      return false
    }
  }
  return true
}
