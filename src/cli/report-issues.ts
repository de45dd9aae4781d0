import { type ConfigIssue, formatIssue } from '../config/index.ts'
import type { Logger } from '../observe/index.ts'

/** Prints all problems, in the order of the file. @returns whether one of them is an error. */
export function reportIssues(
  issues: readonly ConfigIssue[],
  print: (line: string) => void,
): boolean {
  for (const issue of issues) print(formatIssue(issue))
  return issues.some(issue => issue.level === 'error')
}

/** The same for the log, where that is not beside standard error. */
export function logIssues(issues: readonly ConfigIssue[], logger: Logger): void {
  for (const issue of issues) {
    const level = issue.level === 'error' ? 'error' : 'warn'
    logger[level]({ event: 'config.issue' }, formatIssue(issue))
  }
}
