import { inspect } from 'node:util'

const HIDDEN = '[secret]'

/**
 * A value that cannot be printed: string conversion, JSON and util.inspect all give `[secret]`.
 * Only `reveal()` gives it out, so every use can be found by searching for that word.
 */
export class Secret<T> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  reveal(): T {
    return this.#value
  }

  toString(): string {
    return HIDDEN
  }

  toJSON(): string {
    return HIDDEN
  }

  [inspect.custom](): string {
    return HIDDEN
  }
}
