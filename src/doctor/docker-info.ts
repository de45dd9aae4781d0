/** What `docker info --format '{{json .}}'` says that matters here. */
export interface DockerInfo {
  readonly proxy: string | undefined
  readonly isRootless: boolean
  readonly isDesktop: boolean
}

/** @returns undefined when no engine answered: the client prints its own half then. */
export function parseDockerInfo(output: string): DockerInfo | undefined {
  const info = parseObject(output)
  if (info === undefined || typeof info['ServerVersion'] !== 'string') return undefined
  if (info['ServerVersion'] === '') return undefined
  const proxies = [info['HttpsProxy'], info['HttpProxy']].map(String)
  const security = Array.isArray(info['SecurityOptions']) ? info['SecurityOptions'] : []
  return {
    proxy: proxies.find(proxy => proxy !== '' && proxy !== 'undefined'),
    isRootless: security.some(option => String(option).includes('name=rootless')),
    isDesktop: info['OperatingSystem'] === 'Docker Desktop',
  }
}

/** The proxy that the docker command sets in containers: `proxies.default` of its config.json. */
export function parseClientProxy(text: string): string | undefined {
  const proxies = asObject(parseObject(text)?.['proxies'])
  const chosen = asObject(proxies?.['default'])
  const found = [chosen?.['httpsProxy'], chosen?.['httpProxy']]
  return found.find((value): value is string => typeof value === 'string' && value !== '')
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return asObject(JSON.parse(text))
  } catch {
    return undefined
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)
    : undefined
}
