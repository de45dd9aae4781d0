import type { Config } from '../config/index.ts'
import { formatHostPort, type HostPort, NEVER_CANCELLED, toProxyError } from '../core/index.ts'
import { parseAbsoluteForm, parseAuthorityForm } from '../http1/index.ts'
import {
  chooseRoute,
  compileNoProxy,
  isLocalTarget,
  type Route,
  routeByPac,
} from '../policy/index.ts'
import { readConfiguration } from './configuration.ts'
import { FAILED, OK } from './exit-code.ts'
import { loadScript } from './pac-script.ts'
import { reportIssues } from './report-issues.ts'

export interface ExplainArguments {
  readonly config: string | undefined
  /** A URL, or host:port as CONNECT has it. */
  readonly target: string
}

/** `tsntlm explain URL`: where a request would go, and which rule says so. Nothing is connected to, but to fetch the script of Pac. */
export async function explainCommand(
  args: ExplainArguments,
  print: (line: string) => void,
  complain: (line: string) => void,
): Promise<number> {
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
  const { config } = input
  const chosen = chooseRoute(config.noProxy.map(compileNoProxy), target)
  const isAsked = chosen.kind !== 'direct' && config.pac !== undefined
  const url = /^http:/i.test(args.target) ? args.target : `https://${formatHostPort(target)}/`
  const route = isAsked ? await askScript(config, { url, target }, complain) : chosen
  for (const line of describeRoute(route, config, target)) print(line)
  return OK
}

async function askScript(
  { pac, upstreams }: Config,
  { url, target }: { readonly url: string; readonly target: HostPort },
  complain: (line: string) => void,
): Promise<Route> {
  const ask = async (): Promise<string> => {
    const script = await loadScript(pac ?? '', () => undefined)
    try {
      return await script.find(url, target.host, NEVER_CANCELLED)
    } finally {
      script.close()
    }
  }
  const answer = await ask().catch((error: unknown) => {
    complain(`tsntlm explain: ${toProxyError(error).message}`)
    return undefined
  })
  return routeByPac(answer, upstreams.length > 0).route
}

function describeRoute(route: Route, config: Config, target: HostPort): string[] {
  const label = formatHostPort(target)
  const refusal = `clients of other hosts are refused, as ${target.host} belongs to this host (DirectToLocal)`
  const refusals = isLocalTarget(target.host) && !config.directToLocal ? [refusal] : []
  if (route.kind === 'direct') return [`${label} goes directly: ${route.rule}`, ...refusals]
  const reason = route.rule === 'default' ? 'no NoProxy pattern matches' : route.rule
  const ways =
    route.kind === 'upstreams'
      ? config.upstreams.map(formatHostPort)
      : route.candidates.map(each =>
          each.kind === 'direct' ? 'directly' : describeProxy(each.address, config),
        )
  const [first, ...others] = ways
  if (first === undefined)
    return [`${label} goes nowhere: no NoProxy pattern matches, and there is no Proxy`]
  const fallback = others.length === 0 ? '' : `, then ${others.join(', ')}`
  return [
    `${label} goes ${first === 'directly' ? first : `through ${first}`}${fallback}: ${reason}`,
    ...(ways.includes('directly') ? refusals : []),
  ]
}

/** A proxy that only the script names gets no logon. */
function describeProxy(address: HostPort, { pacTrust, upstreams }: Config): string {
  const label = formatHostPort(address)
  const isKnown =
    upstreams.map(formatHostPort).includes(label) ||
    pacTrust.some(pattern => compileNoProxy(pattern).matches(address))
  return isKnown ? label : `${label} (without a logon, see PacTrust)`
}
