import { readFileSync, statSync } from 'node:fs'
import type { Config } from '../config/index.ts'
import {
  compareWithCntlm,
  type LineRemark,
  type Remark,
  remarksOnEveryFile,
  type Verdict,
} from '../migration/index.ts'
import { readConfiguration } from './configuration.ts'
import { FAILED, OK } from './exit-code.ts'
import { reportIssues } from './report-issues.ts'

export interface MigrateArguments {
  readonly file: string
  /** Also the lines that mean what they mean with cntlm. */
  readonly all: boolean
}

/** `tsntlm migrate FILE`: what is different from cntlm for that very file, and how to try it. */
export function migrateCommand(
  { file, all }: MigrateArguments,
  print: (line: string) => void,
  complain: (line: string) => void,
): number {
  if (!canBeReadTwice(file)) {
    complain(`tsntlm migrate: ${file} is no regular file: save it as one first`)
    return FAILED
  }
  const { input, issues } = readConfiguration(file, [])
  const bytes = readBytes(file)
  const remarks = bytes === undefined ? [] : compareWithCntlm(bytes, file)
  if (input === undefined) reportIssues(issues, complain)
  for (const remark of remarks) if (all || !remark.isPlain) print(lineText(file, remark))
  if (input === undefined) {
    print(`${file} cannot be used: correct the errors above, and run tsntlm migrate ${file} again`)
    return FAILED
  }
  const general = remarksOnEveryFile(input.config)
  for (const { verdict, text } of general) print(`every file: ${verdict}: ${text}`)
  print(summary(file, remarks, issues.length))
  for (const line of trial(file, input.config)) print(line)
  return OK
}

/** A pipe cannot be read twice; for an unreadable file the configuration reports the error. */
function canBeReadTwice(file: string): boolean {
  try {
    const stats = statSync(file)
    return stats.isFile() || stats.isDirectory()
  } catch {
    return true
  }
}

/** undefined when it cannot be read, which the configuration's issues say. */
function readBytes(file: string): Buffer | undefined {
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}

function lineText(file: string, { line, directive, verdict, text }: LineRemark): string {
  const subject = directive === undefined ? '' : `${directive}: `
  return `${file}:${line}: ${subject}${verdict}: ${text}`
}

function summary(file: string, remarks: readonly Remark[], warnings: number): string {
  const count = (verdict: Verdict): number =>
    remarks.filter(each => each.verdict === verdict).length
  const counts = (['same', 'better', 'different'] as const)
    .map(verdict => `${count(verdict)} ${verdict}`)
    .join(', ')
  const also = warnings === 0 ? '' : `; tsntlm check has something to say too (${warnings})`
  return `\n${file} can be used: ${counts}${also}`
}

/** An address that neither cntlm nor the file uses. */
function spareAddress({ listeners }: Config): string {
  const taken = listeners.map(({ port }) => port)
  const ports = [13128, 23128, 33128]
  return `127.0.0.1:${ports.find(port => !taken.includes(port)) ?? 43128}`
}

function trial(file: string, config: Config): string[] {
  const address = spareAddress(config)
  return [
    'Try it beside cntlm; the ports that cntlm holds are reported and left out:',
    `  tsntlm check -c ${file}`,
    `  tsntlm -c ${file} -l ${address}`,
    `  curl -x http://${address} -I http://example.com/`,
    'Then stop cntlm and start tsntlm with the file as it is; cntlm can have it back at any time.',
  ]
}
