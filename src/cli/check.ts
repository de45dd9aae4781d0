import { describeConfig } from '../config/index.ts'
import { readWithClientNames } from './configuration.ts'
import { FAILED, OK } from './exit-code.ts'
import { reportIssues } from './report-issues.ts'

export interface CheckArguments {
  readonly config: string | undefined
  readonly strict: boolean
  readonly show: boolean
}

/** `tsntlm check`: the configuration and the names in it, all problems at once, nothing is started. */
export async function checkCommand(
  args: CheckArguments,
  print: (line: string) => void,
  complain: (line: string) => void,
): Promise<number> {
  const { input, issues, file } = await readWithClientNames(args.config, [])
  reportIssues(issues, complain)
  const count = (level: 'error' | 'warning'): number =>
    issues.filter(issue => issue.level === level).length
  const [errors, warnings] = [count('error'), count('warning')]
  if (input !== undefined && args.show) print(describeConfig(input.config).trimEnd())
  const verdict = input === undefined ? 'cannot be used' : 'can be used'
  print(
    `${file === undefined || file === '' ? 'the configuration' : file} ${verdict}: ${plural(errors, 'error')}, ${plural(warnings, 'warning')}`,
  )
  return input === undefined || (args.strict && warnings > 0) ? FAILED : OK
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`
}
