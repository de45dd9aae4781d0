import { isIP } from 'node:net'
import { DOCKER, isDockerBridge, isInterfaceName, parseAddressRule } from '../core/index.ts'

export interface InterfaceAddress {
  readonly address: string
  readonly prefixLength: number
}

export interface Interface {
  readonly name: string
  readonly addresses: readonly InterfaceAddress[]
}

/** What an interface name in the configuration currently resolves to. */
export interface FoundInterfaces {
  /** Addresses to listen on. Link-local ones are left out, as they need a zone. */
  readonly addresses: readonly string[]
  /** Why there is no address, or undefined. */
  readonly missing: string | undefined
}

/**
 * Whether the host of a Listen directive names an interface. `docker` and names of bridges always do; any other name
 * does if such an interface exists, and otherwise is an address or a host name.
 */
export function meansInterface(host: string, interfaces: readonly Interface[]): boolean {
  if (isIP(host) !== 0) return false
  return isInterfaceName(host) || interfaces.some(each => isMeant(host, each))
}

/** `docker` means all of Docker's own bridges. Case-insensitive. */
export function findInterfaces(host: string, interfaces: readonly Interface[]): FoundInterfaces {
  const meant = interfaces.filter(each => isMeant(host, each))
  const addresses = meant.flatMap(each => listenable(each).map(({ address }) => address))
  return { addresses, missing: addresses.length > 0 ? undefined : whyNone(host, meant.length > 0) }
}

function isMeant(host: string, { name }: Interface): boolean {
  return host === DOCKER ? isDockerBridge(name) : name.toLowerCase() === host
}

function whyNone(host: string, exists: boolean): string {
  const subject = host === DOCKER ? "Docker's bridges" : host
  if (exists) return `${subject} ${host === DOCKER ? 'have' : 'has'} no address yet`
  return host === DOCKER ? 'Docker has no bridge yet' : `there is no interface ${host} yet`
}

function listenable({ addresses }: Interface): InterfaceAddress[] {
  return addresses.filter(({ address }) => !/^fe[89ab]/i.test(address))
}

/** Whether a client's address lies in a network of one of Docker's bridges. */
export function isInDockerNetwork(client: string, interfaces: readonly Interface[]): boolean {
  return interfaces
    .filter(({ name }) => isDockerBridge(name))
    .flatMap(listenable)
    .some(({ address, prefixLength }) =>
      parseAddressRule(`${address}/${prefixLength}`)?.matches(client),
    )
}
