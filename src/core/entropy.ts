import { randomBytes } from 'node:crypto'

/** Randomness as an argument. */
export interface Entropy {
  bytes(length: number): Buffer
}

/** The only place that touches the random generator. */
export const systemEntropy: Entropy = { bytes: length => randomBytes(length) }
