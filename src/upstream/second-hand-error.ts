import { ProxyError } from '../core/index.ts'

/** A failure that somebody else ran into and that is counted already: whoever only waited is told to look elsewhere. */
export class SecondHandError extends ProxyError {
  /** Nothing is left to try at this upstream; otherwise somebody else was thought to serve sooner. */
  readonly isFinal: boolean

  constructor({ code, detail, cause }: ProxyError, isFinal: boolean) {
    super(code, { ...(detail === undefined ? {} : { detail }), cause })
    this.isFinal = isFinal
  }
}
