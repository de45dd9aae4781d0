import { posix } from 'node:path'
import type { Facts } from '../facts.ts'
import { PORTABLE, renderNoProxy } from '../no-proxy.ts'
import { PRIVATE, type PlannedFile, proxyUrl } from '../plan.ts'
import { droppedWarning } from '../variables.ts'

/** The Docker daemon of a job. With the ports, or docker push blocks; only readers written in Go know what they mean. */
export const DIND_PORTS = ['docker:2375', 'docker:2376']

/** The `proxies` of ~/.docker/config.json: the docker command sets variables from them in containers and builds. */
export function clientProxies(facts: Facts): {
  readonly httpProxy: string
  readonly httpsProxy: string
  readonly noProxy: string
  readonly warnings: readonly string[]
} {
  const url = proxyUrl(facts.container)
  const { entries, dropped } = renderNoProxy(facts.noProxy, PORTABLE, DIND_PORTS)
  return {
    httpProxy: url,
    httpsProxy: url,
    noProxy: entries.join(','),
    warnings: [...containerWarnings(facts), ...droppedWarning(dropped)],
  }
}

export function containerWarnings({ containerWarning }: Facts): string[] {
  return containerWarning === undefined ? [] : [containerWarning]
}

export function clientConfigFile(facts: Facts): PlannedFile {
  const { httpProxy, httpsProxy, noProxy } = clientProxies(facts)
  const fields = Object.entries({ httpProxy, httpsProxy, noProxy })
  return {
    path: posix.join(facts.home, '.docker/config.json'),
    why: 'what the docker command sets in the containers and builds that it starts',
    format: 'json',
    mode: PRIVATE,
    settings: fields.map(([name, value]) => ({ key: ['proxies', 'default', name], value })),
  }
}
