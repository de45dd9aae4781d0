export { createIsolatedPac, createPac } from './create.ts'
export { decodePac, PAC_SIZE_LIMIT } from './decode.ts'
export type { ResolveName } from './dns-trace.ts'
export type { Pac, PacOptions } from './evaluator.ts'
