export { applyPlan, entryAfter, type FileState, undo } from './change.ts'
export { diffLines } from './diff.ts'
export { chooseAddresses, type Facts, isDocker0 } from './facts.ts'
export { MalformedFile } from './formats/format.ts'
export { PORTABLE } from './no-proxy.ts'
export type { Plan, PlannedFile, Target } from './plan.ts'
export { shellQuote } from './quote.ts'
export {
  EMPTY_RECORD,
  fileIn,
  parseRecord,
  type SetupRecord,
  withFile,
  type WrittenFile,
} from './record.ts'
export { findTarget, TARGETS } from './targets/targets.ts'
export { exportLines, proxyVariables, type ShellName, unsetLines } from './variables.ts'
