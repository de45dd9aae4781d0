import { parseAddressRule } from '../core/index.ts'

/**
 * What a direct connection must not reach for somebody else: this host's own loopback, link-local addresses (which
 * hold the metadata services of most clouds) and the metadata addresses outside link-local. Otherwise
 * `NoProxy 127.0.0.*`, which every sample cntlm.conf has, opens the host's private services to its containers.
 */
const LOCAL_NETWORKS = [
  '127.0.0.0/8',
  '::1',
  '0.0.0.0/8',
  '::',
  '169.254.0.0/16',
  'fe80::/10',
  'fd00:ec2::254',
  '100.100.100.200',
]
const LOOPBACK_NETWORKS = ['127.0.0.0/8', '::1']

const local = LOCAL_NETWORKS.map(text => parseAddressRule(text))
const loopback = LOOPBACK_NETWORKS.map(text => parseAddressRule(text))

export function isLocalTarget(address: string): boolean {
  return local.some(rule => rule?.matches(address) === true)
}

export function isLoopback(address: string): boolean {
  return loopback.some(rule => rule?.matches(address) === true)
}
