/** In Listen, Allow and Deny: all bridges of Docker's own. */
export const DOCKER = 'docker'

/** Docker names the bridge of a network `br-` and the first 12 digits of its id; docker_gwbridge is Swarm's. */
const DOCKER_BRIDGE = /^(?:docker0|docker_gwbridge|br-[0-9a-f]{12})$/

/** Bridges and the like that programs make when they need them, so that the name counts before the interface is there. */
const MADE_LATER =
  /^(?:docker_gwbridge|br-[a-z0-9_-]+|(?:docker|br|virbr|podman|cni|cni-podman|lxcbr|lxdbr)[0-9]+|veth[0-9a-f]+)$/

/** eth0.100: no host name, as its last label has digits alone (RFC 1123 section 2.1). */
const VLAN = /^[a-z][a-z0-9_-]*\.[0-9]{1,4}$/

export function isDockerBridge(name: string): boolean {
  return DOCKER_BRIDGE.test(name)
}

/** Whether a name in place of an address, in lower case, means an interface on each host, also while there is none of that name. */
export function isInterfaceName(name: string): boolean {
  return name === DOCKER || MADE_LATER.test(name) || isVlanName(name)
}

export function isVlanName(name: string): boolean {
  return VLAN.test(name)
}
