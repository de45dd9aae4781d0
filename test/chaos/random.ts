/** mulberry32: the same seed gives the same run on every machine. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** From 0 up to, but not including, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number, both bounds included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(list: readonly T[]): T {
    return list[this.between(0, list.length - 1)]!
  }
}

const LARGEST = 8 * 1024 * 1024
const POOL = randomPool()

function randomPool(): Buffer {
  const random = new Random(0x7e57)
  const words = new Uint32Array(LARGEST / 2)
  for (let i = 0; i < words.length; i++) words[i] = random.next() * 2 ** 32
  return Buffer.from(words.buffer)
}

/** Bytes that belong to one direction of one transfer: another's, or the same ones moved, do not equal them. */
export function contentOf(id: number, direction: 'up' | 'down', length: number): Buffer {
  const at = (Math.imul(2 * id + (direction === 'up' ? 0 : 1), 0x9e3779b1) >>> 0) % LARGEST
  if (length > LARGEST) throw new Error(`no more than ${LARGEST} bytes`)
  return POOL.subarray(at, at + length)
}

/** Compares what arrives, piece by piece, with what was to arrive. */
export class Comparison {
  readonly #expected: Buffer
  received = 0
  isEqual = true

  constructor(expected: Buffer) {
    this.#expected = expected
  }

  get isComplete(): boolean {
    return this.isEqual && this.received === this.#expected.length
  }

  readonly add = (piece: Buffer): void => {
    const expected = this.#expected.subarray(this.received, this.received + piece.length)
    this.isEqual &&= expected.equals(piece)
    this.received += piece.length
  }
}
