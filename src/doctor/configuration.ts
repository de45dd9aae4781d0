import { formatIssue } from '../config/index.ts'
import { type Check, only } from './check.ts'
import { note, ok, problem } from './finding.ts'

export const CONFIGURATION: Check = {
  layer: 'configuration',
  run({ config, configFile, issues }) {
    const judgements = issues.map(issue =>
      issue.level === 'error'
        ? problem(
            formatIssue({ ...issue, hint: undefined }),
            ...(issue.hint === undefined ? [] : [issue.hint]),
          )
        : note(formatIssue(issue)),
    )
    if (config === undefined) return { judgements }
    const upstreams = `${config.upstreams.length} upstream${config.upstreams.length === 1 ? '' : 's'}`
    return only(
      ...judgements,
      ok(
        `${configFile ?? 'command line and environment'}: ${upstreams}, dialect ${config.dialect}`,
      ),
    )
  },
}

/** The reason of checks that need what could not be read. */
export const NO_CONFIGURATION = 'the configuration cannot be used'
