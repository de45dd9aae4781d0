export { buildGeneration, type Generation, type Ports } from './build.ts'
export type { BuildInput } from './build-input.ts'
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
export { Serving } from './serving.ts'
export type { Logons } from './near-logons.ts'
export { credentialsOf } from './client-logons.ts'
export { newNames, type ProcessNames } from './carry-over.ts'
export { snapshotsOf } from './upstream-snapshot.ts'
export type { Fate, WorkerSnapshot, Workforce, WorkforceHost } from './workforce.ts'
export type { WorkInProgress } from '../proxy/index.ts'
export type {
  AccountStatus,
  Latency,
  ListenersStatus,
  ServiceStatus,
  Totals,
  UpstreamStatus,
  WorkerStatus,
} from './status.ts'
export { chooseStateDirectory, type StateDirectoryFacts } from './state-directory.ts'
export { createNotifier, type Notifier, sendBySystemdNotify } from './systemd-notify.ts'
