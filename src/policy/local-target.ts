import { parseAddressRule } from '../core/index.ts'

/**
 * Addresses that a direct connection must not reach on behalf of a remote client: this host's loopback, link-local addresses (which hold
 * the metadata services of most clouds) and the metadata addresses outside link-local. Otherwise `NoProxy 127.0.0.*`, which every sample
 * cntlm.conf has, would open the host's private services to its containers.
 */
const LOCAL_IPV4 = [
  '127.0.0.0/8',
  '0.0.0.0/8',
  '169.254.0.0/16',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '192.0.0.192/32',
]
const LOCAL_IPV6 = ['::1', '::', 'fe80::/10', 'fd00:ec2::254']

/**
 * NAT64 (RFC 6052) and IPv4-compatible addresses (RFC 4291 section 2.5.5.1) embed an IPv4 address in their last 32 bits, which is the one
 * to check. IPv4-mapped addresses are matched as IPv4 anyway. `::2` does not embed an IPv4 address.
 */
const EMBEDDED = [
  ...LOCAL_IPV4.map(network => embedded('64:ff9b::', network)),
  ...LOCAL_IPV4.filter(network => network !== '0.0.0.0/8').map(network => embedded('::', network)),
]

const LOCAL_NETWORKS = [...LOCAL_IPV4, ...LOCAL_IPV6, ...EMBEDDED]
const LOOPBACK_NETWORKS = ['127.0.0.0/8', '::1']

const local = LOCAL_NETWORKS.map(text => parseAddressRule(text))
const loopback = LOOPBACK_NETWORKS.map(text => parseAddressRule(text))

export function isLocalTarget(address: string): boolean {
  return local.some(rule => rule?.matches(address) === true)
}

export function isLoopback(address: string): boolean {
  return loopback.some(rule => rule?.matches(address) === true)
}

function embedded(prefix: string, network: string): string {
  const [address = '', length = ''] = network.split('/')
  return `${prefix}${address}/${96 + Number(length)}`
}
