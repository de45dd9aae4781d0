export { type Certificates, readCertificates } from './certificates.ts'
export { DescriptorGauge, type DescriptorTable, sparingDialer } from './descriptor-gauge.ts'
export { clientsWithin, parseDescriptorLimit, readDescriptorLimit } from './descriptor-limit.ts'
export { type Dialer, type DialOptions, tcpDialer, type TcpDialerOptions } from './dialer.ts'
export {
  findInterfaces,
  type FoundInterfaces,
  type Interface,
  isInDockerNetwork,
  meansInterface,
} from './interfaces.ts'
export { type Borrower, borrowReads } from './lending-socket.ts'
export { type ClientAddress, peerOf, withoutMapping } from './peer.ts'
export { HostNames } from './names/host-names.ts'
export { resolveAll, systemNames } from './names/system-names.ts'
export { readInterfaces } from './read-interfaces.ts'
export { limitConnections } from './limit-connections.ts'
export { listen, type Listener } from './listener.ts'
export { listenAt, type SocketPath } from './listen-at.ts'
export { breakOff, destroyIfReset, wasReset } from './reset.ts'
export { Tunnel, type TunnelEnd, type TunnelOptions, type TunnelResult } from './tunnel.ts'
export { failureBehind } from './reading-on-socket.ts'
