export { type BuildInput, buildGeneration, type Generation, type Ports } from './build.ts'
export { buildCredentials, type BuiltCredentials, workstationOf } from './credentials.ts'
export { Frontends } from './frontends.ts'
export { fileGuardStore, type GuardStore, memoryGuardStore } from './guard-store.ts'
export { type ListeningPlan, planListening } from './listening-plan.ts'
export { ownLogon, type OwnLogonOptions } from './logons.ts'
export { type InheritedSocket, inheritedSockets } from './inherited-sockets.ts'
export { removePidFile, writePidFile } from './pid-file.ts'
export {
  becomeOwnerOf,
  becomeUser,
  type Identity,
  makeDirectoryFor,
  resolveIdentity,
} from './privileges.ts'
export { Service } from './service.ts'
export type { WorkInProgress } from '../proxy/index.ts'
export type {
  AccountStatus,
  Latency,
  ListenersStatus,
  ServiceStatus,
  Totals,
  UpstreamStatus,
} from './status.ts'
export { chooseStateDirectory, type StateDirectoryFacts } from './state-directory.ts'
export { createNotifier, type Notifier, sendBySystemdNotify } from './systemd-notify.ts'
