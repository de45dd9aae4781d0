/** The outcome of a reload. */
export interface ReloadOutcome {
  /** False: nothing has changed. */
  readonly taken: boolean
  /** The number of the configuration in use. */
  readonly generation: number
  /** Why it was refused, or warnings if it was not; each with file and line where known. */
  readonly problems: readonly string[]
  /** The state of the password; undefined without an account, and if the configuration was refused. */
  readonly account?: string
}

/** The operations of the control socket. All results are serialized as JSON. */
export interface ControlActions {
  readonly status: () => Promise<object>
  /** Open tunnels and requests in progress. */
  readonly tunnels: () => Promise<readonly object[]>
  readonly reload: () => Promise<ReloadOutcome>
  /** Starts to stop; further calls change nothing. */
  readonly drain: () => Promise<object>
  readonly logLevel: () => string
  /** @returns false when there is no such level. */
  readonly setLogLevel: (level: string) => boolean
  /** @returns false when there is a log file and it cannot be reopened. */
  readonly reopenLog: () => boolean
  /** Lets the password of the configuration be sent once more. */
  readonly unlock: () => object
}
