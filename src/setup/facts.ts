import { isIPv4 } from 'node:net'
import type { ListenAddress } from '../config/index.ts'
import { DOCKER, formatHostPort, type HostPort } from '../core/index.ts'

/** What the generated files depend on. */
export interface Facts {
  /** Where programs on this host reach tsntlm. */
  readonly host: HostPort
  /** Where containers reach it. */
  readonly container: HostPort
  /** Why containers will not reach it, and what to do; undefined when they will. */
  readonly containerWarning: string | undefined
  /** Patterns of NoProxy, as the configuration has them. */
  readonly noProxy: readonly string[]
  /** Absolute, of the user that runs the command. */
  readonly home: string
  readonly isRoot: boolean
}

export interface AddressSources {
  /** --proxy: beats everything. */
  readonly proxy: HostPort | undefined
  /** With addresses for interfaces, but for docker0 and `docker`. */
  readonly listeners: readonly Pick<ListenAddress, 'host' | 'port' | 'serves'>[]
  /** The address of docker0, or undefined where it has none. */
  readonly docker0: string | undefined
}

/** dockerd's default when nothing else is configured. */
const USUAL_DOCKER0 = '172.17.0.1'

/** @returns undefined when there is no port that speaks HTTP. */
export function chooseAddresses(
  sources: AddressSources,
): Pick<Facts, 'host' | 'container' | 'containerWarning'> | undefined {
  const { proxy, docker0 } = sources
  if (proxy !== undefined) {
    const containerWarning = isLoopback(proxy.host)
      ? `${formatHostPort(proxy)} is inside of each container the container itself: name an address that containers reach`
      : undefined
    return { host: proxy, container: proxy, containerWarning }
  }
  const bridge = docker0 ?? USUAL_DOCKER0
  const ports = sources.listeners
    .filter(({ serves }) => serves.kind === 'http')
    .map(({ host, port }) => ({ host: isDocker0(host) ? bridge : host, port }))
  const loopback = ports.find(({ host }) => isLoopback(host))
  const everywhere = ports.find(({ host }) => isUnspecified(host))
  const specific = ports.filter(({ host }) => !isLoopback(host) && !isUnspecified(host))
  const host = loopback ?? everywhere ?? specific[0]
  if (host === undefined) return undefined
  const found =
    specific.find(each => each.host === bridge) ??
    (everywhere === undefined ? specific[0] : { host: bridge, port: everywhere.port })
  const container = found ?? { host: bridge, port: host.port }
  return {
    // A port that is open on every IPv6 address takes IPv4 clients too.
    host: { host: isUnspecified(host.host) ? '127.0.0.1' : host.host, port: host.port },
    container: { host: container.host, port: container.port },
    containerWarning:
      found === undefined
        ? `containers cannot reach ${formatHostPort(host)}: add "Listen docker0:${container.port}" to the configuration of tsntlm`
        : undefined,
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}

function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** Both are an address of docker0, also while there is no such interface. */
export function isDocker0(host: string): boolean {
  return host === DOCKER || host === 'docker0'
}
