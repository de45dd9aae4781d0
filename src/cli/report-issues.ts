import { type ConfigIssue, formatIssue } from '../config/index.ts'

/** Prints all problems, in the order of the file. @returns whether one of them is an error. */
export function reportIssues(
  issues: readonly ConfigIssue[],
  print: (line: string) => void,
): boolean {
  for (const issue of issues) print(formatIssue(issue))
  return issues.some(issue => issue.level === 'error')
}
