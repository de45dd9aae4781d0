import { formatHostPort, isProxyError, type ProxyError, toProxyError } from '../core/index.ts'
import { type Check, only } from './check.ts'
import { type Judgement, ok, problem, skipped } from './finding.ts'

const NEVER_ABORTED = new AbortController().signal

export const UPSTREAM_TCP: Check = {
  layer: 'upstream tcp',
  async run({ resolved = [] }, { dialer }) {
    if (resolved.length === 0) return only(skipped('no upstream has an address'))
    const answers = await Promise.all(
      resolved.map(async upstream => {
        const stream = await dialer.dial(upstream, { signal: NEVER_ABORTED }).catch(toProxyError)
        if (isProxyError(stream)) return { upstream, judgement: judgeDial(stream) }
        stream.destroy()
        const judgement = ok(`${formatHostPort(upstream)} takes connections`)
        return { upstream, judgement }
      }),
    )
    const reachable = answers.filter(({ judgement }) => judgement.verdict === 'ok')
    return {
      judgements: answers.map(({ judgement }) => judgement),
      learned: { reachable: reachable.map(({ upstream }) => upstream) },
    }
  },
}

function judgeDial(error: ProxyError): Judgement {
  return problem(
    error.message,
    error.code === 'DIAL_REFUSED'
      ? 'the host is there and no proxy on that port: see the port in Proxy'
      : 'see the address in Proxy, the VPN, the route (ip route get) and firewalls on the way',
  )
}
