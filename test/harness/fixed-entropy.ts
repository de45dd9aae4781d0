import type { Entropy } from '../../src/core/index.ts'

/**
 * Gives out the byte strings it was made with, in order; asking for anything else is a failure of
 * the test.
 */
export class FixedEntropy implements Entropy {
  readonly #values: Buffer[]

  constructor(...values: readonly Buffer[]) {
    this.#values = [...values]
  }

  bytes(length: number): Buffer {
    const value = this.#values.shift()
    if (value?.length !== length) throw new Error(`No ${length} bytes of entropy were prepared`)
    return value
  }
}
