import type { Config } from '../config/index.ts'
import { formatHostPort, type HostPort } from '../core/index.ts'
import { parseAbsoluteForm, parseAuthorityForm } from '../http1/index.ts'
import { chooseRoute, compileNoProxy, isLocalTarget } from '../policy/index.ts'
import { readConfiguration } from './configuration.ts'
import { FAILED, OK } from './exit-code.ts'
import { reportIssues } from './report-issues.ts'

export interface ExplainArguments {
  readonly config: string | undefined
  /** A URL, or host:port as CONNECT has it. */
  readonly target: string
}

/** `tsntlm explain URL`: where a request would go, and which rule says so. Nothing is connected to. */
export function explainCommand(
  args: ExplainArguments,
  print: (line: string) => void,
  complain: (line: string) => void,
): number {
  const target = parseAbsoluteForm(args.target)?.authority ?? parseAuthorityForm(args.target)
  if (target === undefined) {
    complain(`tsntlm explain: "${args.target}" is neither a URL nor host:port`)
    return FAILED
  }
  const { input, issues } = readConfiguration(args.config, [])
  if (input === undefined) {
    reportIssues(issues, complain)
    return FAILED
  }
  for (const line of explain(input.config, target)) print(line)
  return OK
}

function explain(config: Config, target: HostPort): string[] {
  const { kind, rule } = chooseRoute(config.noProxy.map(compileNoProxy), target)
  const label = formatHostPort(target)
  if (kind === 'direct') {
    const refusal = `clients of other hosts are refused, as ${target.host} belongs to this host (DirectToLocal)`
    const isRefused = isLocalTarget(target.host) && !config.directToLocal
    return [`${label} goes directly: ${rule}`, ...(isRefused ? [refusal] : [])]
  }
  if (config.pac !== undefined)
    return [
      `${label} goes where the Pac script says, which "tsntlm pac" asks: no NoProxy pattern matches`,
    ]
  const [first, ...others] = config.upstreams.map(formatHostPort)
  if (first === undefined)
    return [`${label} goes nowhere: no NoProxy pattern matches, and there is no Proxy`]
  const fallback = others.length === 0 ? '' : `, then ${others.join(', ')}`
  return [`${label} goes through ${first}${fallback}: no NoProxy pattern matches`]
}
