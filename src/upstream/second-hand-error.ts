import { ProxyError } from '../core/index.ts'

/** Another request's failure, which has been counted already: tells the requests that only waited to try elsewhere. */
export class SecondHandError extends ProxyError {
  /** Nothing is left to try at this upstream; otherwise somebody else was thought to serve sooner. */
  readonly isFinal: boolean

  constructor({ code, detail, cause }: ProxyError, isFinal: boolean) {
    super(code, { ...(detail === undefined ? {} : { detail }), cause })
    this.isFinal = isFinal
  }
}
