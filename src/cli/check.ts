import { describeConfig } from '../config/index.ts'
import { readConfiguration } from './configuration.ts'
import { FAILED, OK } from './exit-code.ts'
import { reportIssues } from './report-issues.ts'

export interface CheckArguments {
  readonly config: string | undefined
  readonly strict: boolean
  readonly show: boolean
}

/** `tsntlm check`: the configuration alone, all its problems at once, nothing is started. */
export function checkCommand(
  args: CheckArguments,
  print: (line: string) => void,
  complain: (line: string) => void,
): number {
  const { input, issues, file } = readConfiguration(args.config, [])
  reportIssues(issues, complain)
  const count = (level: 'error' | 'warning'): number =>
    issues.filter(issue => issue.level === level).length
  const [errors, warnings] = [count('error'), count('warning')]
  if (input !== undefined && args.show) print(describeConfig(input.config).trimEnd())
  const verdict = input === undefined ? 'cannot be used' : 'can be used'
  print(
    `${file ?? 'the configuration'} ${verdict}: ${plural(errors, 'error')}, ${plural(warnings, 'warning')}`,
  )
  return input === undefined || (args.strict && warnings > 0) ? FAILED : OK
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`
}
