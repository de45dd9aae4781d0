import { formatHostPort, type HostPort, parseHostPort } from '../core/index.ts'
import { type Judgement, note, ok, problem } from './finding.ts'
import { maskProxy } from './mask.ts'

export interface Places {
  readonly host: HostPort
  readonly container: HostPort
}

export interface ProxyUser {
  /** dockerd, docker client ... */
  readonly name: string
  /** Whether it is read inside of containers, where loopback is another one. */
  readonly isInside: boolean
  /** As it is configured; undefined when there is none. */
  readonly proxy: string | undefined
  /** What makes it use tsntlm. */
  readonly command: string
}

/** Whether a program uses this tsntlm, another proxy, or none. */
export function judgeUser(
  { name, isInside, proxy, command }: ProxyUser,
  places: Places,
): Judgement {
  if (proxy === undefined || proxy === '') return note(`${name} uses no proxy`, command)
  const text = `${name} uses ${maskProxy(proxy)}`
  const address = addressOf(proxy)
  if (address === undefined) return problem(`${text}, which is no address of a proxy`, command)
  if (isInside && isLoopback(address.host))
    return problem(`${text}: inside of a container that is the container itself`, command)
  const known = [places.host, places.container].map(formatHostPort)
  if (known.includes(formatHostPort(address))) return ok(`${text}, this tsntlm`)
  return note(`${text}, not this tsntlm`, command)
}

/** The upper-case values of GitLab's page have no scheme. */
function addressOf(proxy: string): HostPort | undefined {
  const authority = proxy.replace(/^[a-z]+:\/\//i, '').replace(/\/.*$/, '')
  return parseHostPort(authority.slice(authority.lastIndexOf('@') + 1), 80)
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}
