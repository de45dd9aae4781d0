import { formatHostPort, type HostPort, isProxyError, toProxyError } from '../core/index.ts'
import { askDemand, type Demanded } from '../upstream/index.ts'
import { type Check, type Facts, only } from './check.ts'
import { type Judgement, note, ok, problem, skipped } from './finding.ts'
import { doctorRequest, trialOf } from './trial-options.ts'

export const UPSTREAM_OFFER: Check = {
  layer: 'upstream offer',
  async run({ config, reachable = [] }, ports) {
    if (config === undefined || reachable.length === 0)
      return only(skipped('no upstream takes connections'))
    const judgements: Judgement[] = []
    let demand: Facts['demand']
    for (const upstream of reachable) {
      const options = trialOf(upstream, config, doctorRequest(config), ports)
      const demanded = await askDemand(options).catch(toProxyError)
      if (isProxyError(demanded)) {
        judgements.push(
          problem(
            `${formatHostPort(upstream)} gives no answer of HTTP: ${demanded.message}`,
            'see whether an HTTP proxy listens there: Proxy names its host and port',
          ),
        )
        continue
      }
      if (demand?.demanded.scheme === undefined) demand = { upstream, demanded }
      judgements.push(judgeDemand(upstream, demanded))
    }
    return { judgements, learned: demand === undefined ? {} : { demand } }
  },
}

export function judgeDemand(upstream: HostPort, demanded: Demanded): Judgement {
  const { offered, scheme, status } = demanded
  const label = formatHostPort(upstream)
  if (status !== 407) return note(`${label} asks for no logon here (HTTP ${status})`)
  if (scheme !== undefined) return ok(`${label} asks for a logon, offers ${offered}`)
  return problem(
    `${label} asks for a logon, offers no NTLM: ${offered}`,
    'ask for NTLM on it, or name another Proxy: tsntlm speaks NTLM and Negotiate with NTLM in it',
  )
}
