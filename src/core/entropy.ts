import { randomFillSync } from 'node:crypto'

/** Randomness as an argument. */
export interface Entropy {
  bytes(length: number): Buffer
}

/** So many bytes are drawn at once: a call of the generator costs as much as the rest of a challenge response. */
const SUPPLY_BYTES = 2048

const supply = Buffer.alloc(SUPPLY_BYTES)
let used = SUPPLY_BYTES

/** The only place that touches the random generator. No byte is given out twice, or kept after it was given out. */
export const systemEntropy: Entropy = {
  bytes: length => {
    if (length > SUPPLY_BYTES) return randomFillSync(Buffer.alloc(length))
    if (used + length > SUPPLY_BYTES) {
      randomFillSync(supply)
      used = 0
    }
    const drawn = Buffer.from(supply.subarray(used, used + length))
    supply.fill(0, used, used + length)
    used += length
    return drawn
  },
}
