export { type AddressRule, parseAddressRule } from './address-set.ts'
export { ByteReader, ByteWriter } from './bytes.ts'
export { type CancelSignal, Cancellation, NEVER_CANCELLED } from './cancellation.ts'
export { type Clock, systemBlock, systemClock, type Timer } from './clock.ts'
export { type Entropy, systemEntropy } from './entropy.ts'
export {
  type Blame,
  type ErrorCode,
  ERRORS,
  isProxyError,
  ProxyError,
  toProxyError,
} from './errors.ts'
export {
  type Emit,
  isUpstreamNews,
  type ProxyEvent,
  type RequestRecord,
  type Termination,
  type UpstreamNews,
} from './events.ts'
export { formatHostPort, type HostPort, parseHost, parseHostPort, parsePort } from './host-port.ts'
export { DOCKER, isDockerBridge, isInterfaceName, isVlanName } from './interface-names.ts'
export { IdleWatch } from './idle-watch.ts'
export { countFrom, type RequestId, type SessionId } from './ids.ts'
export { type Listed, Roster } from './roster.ts'
export { Secret } from './secret.ts'
export { matchWildcard } from './wildcard.ts'
