import { isIP } from 'node:net'
import { type HostPort, isProxyError } from '../core/index.ts'
import { type Check, only } from './check.ts'
import { NO_CONFIGURATION } from './configuration.ts'
import { type Judgement, ok, problem, skipped } from './finding.ts'

export const UPSTREAM_NAME: Check = {
  layer: 'upstream name',
  async run({ config }, { resolve }) {
    if (config === undefined) return only(skipped(NO_CONFIGURATION))
    if (config.upstreams.length === 0)
      return only(skipped('there is no Proxy in the configuration: everything goes directly'))
    const named = await Promise.all(
      config.upstreams.map(async upstream => ({ upstream, ...(await look(upstream, resolve)) })),
    )
    const resolved = named.filter(({ isFound }) => isFound).map(({ upstream }) => upstream)
    return { judgements: named.map(({ judgement }) => judgement), learned: { resolved } }
  },
}

async function look(
  { host }: HostPort,
  resolve: (host: string) => Promise<readonly string[]>,
): Promise<{ readonly isFound: boolean; readonly judgement: Judgement }> {
  if (isIP(host) !== 0) return { isFound: true, judgement: ok(`${host} is an address`) }
  let trouble = `${host} has no address that this host can find`
  const addresses = await resolve(host).catch((error: unknown) => {
    if (isProxyError(error)) trouble = error.detail ?? trouble
    return []
  })
  return addresses.length > 0
    ? { isFound: true, judgement: ok(`${host} is ${addresses.join(', ')}`) }
    : {
        isFound: false,
        judgement: problem(
          trouble,
          `ask the resolver (getent hosts ${host}); VPN up? Otherwise write its address into Proxy`,
        ),
      }
}
