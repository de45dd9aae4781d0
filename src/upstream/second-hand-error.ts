import { ProxyError } from '../core/index.ts'

/** Another request's failure, already counted: makes waiting requests try elsewhere. */
export class SecondHandError extends ProxyError {
  /** True: nothing is left to try at this upstream. False: another upstream is expected to serve sooner. */
  readonly isFinal: boolean

  constructor({ code, detail, cause }: ProxyError, isFinal: boolean) {
    super(code, { ...(detail === undefined ? {} : { detail }), cause })
    this.isFinal = isFinal
  }
}
