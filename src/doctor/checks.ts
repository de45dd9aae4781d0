import { CERTIFICATE } from './certificate.ts'
import type { Check } from './check.ts'
import { CLIENTS } from './clients.ts'
import { CLOCK } from './clock.ts'
import { CONFIGURATION } from './configuration.ts'
import { CONNECT } from './connect.ts'
import { CONTAINER } from './container.ts'
import { CREDENTIALS } from './credentials.ts'
import { FIREWALL } from './firewall.ts'
import { INTERFACES } from './interfaces.ts'
import { LIMITS } from './limits.ts'
import { LISTENER } from './listener.ts'
import { LOGON } from './logon.ts'
import { UPSTREAM_NAME } from './upstream-name.ts'
import { UPSTREAM_OFFER } from './upstream-offer.ts'
import { UPSTREAM_TCP } from './upstream-tcp.ts'

/**
 * The layers from this host outwards. The logon comes behind everything that root is needed for: for it root becomes the owner
 * of the guard's record, for good.
 */
export const CHECKS: readonly Check[] = [
  CONFIGURATION,
  INTERFACES,
  LISTENER,
  CONTAINER,
  FIREWALL,
  CLIENTS,
  CREDENTIALS,
  LIMITS,
  UPSTREAM_NAME,
  UPSTREAM_TCP,
  UPSTREAM_OFFER,
  CLOCK,
  LOGON,
  CONNECT,
  CERTIFICATE,
]
