export { decodePac, PAC_SIZE_LIMIT } from './decode.ts'
export type { ResolveName } from './dns-trace.ts'
export { createPac, type Pac, type PacOptions } from './evaluator.ts'
