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

/** What the name of an interface in the configuration stands for at present. */
export interface FoundInterfaces {
  /** To be listened on: link-local ones are left out, as they need a zone. */
  readonly addresses: readonly string[]
  /** Why there is no address, or undefined. */
  readonly missing: string | undefined
}

/**
 * Whether a host of Listen is the name of an interface. `docker` and names of bridges always are; any other is when there is such an
 * interface, else it is an address or the name of a host.
 */
export function meansInterface(host: string, interfaces: readonly Interface[]): boolean {
  if (isIP(host) !== 0) return false
  return isInterfaceName(host) || interfaces.some(each => isMeant(host, each))
}

/** `docker` is all bridges of Docker's own. Case does not count. */
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
