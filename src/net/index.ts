export { type Certificates, readCertificates } from './certificates.ts'
export { clientsWithin, parseDescriptorLimit, readDescriptorLimit } from './descriptor-limit.ts'
export {
  type Dialer,
  type DialOptions,
  resolveAll,
  tcpDialer,
  type TcpDialerOptions,
} from './dialer.ts'
export {
  findInterfaces,
  type FoundInterfaces,
  type Interface,
  isInDockerNetwork,
  meansInterface,
} from './interfaces.ts'
export { type Borrower, borrowReads } from './lending-socket.ts'
export { type ClientAddress, peerOf, withoutMapping } from './peer.ts'
export { readInterfaces } from './read-interfaces.ts'
export { listen, type Listener } from './listener.ts'
export { listenAt, type SocketPath } from './listen-at.ts'
export { Tunnel, type TunnelEnd, type TunnelOptions, type TunnelResult } from './tunnel.ts'
export { failureBehind } from './reading-on-socket.ts'
