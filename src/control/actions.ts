/** What became of a reload. */
export interface ReloadOutcome {
  /** False: everything is as before. */
  readonly taken: boolean
  /** The number of the configuration that serves. */
  readonly generation: number
  /** Why it was refused, or what is to be noticed although it was not; each with file and line where it has them. */
  readonly problems: readonly string[]
  /** What became of the password; undefined without an account, and where nothing was taken over. */
  readonly account?: string
}

/** What can be asked of the running program. Everything that is given back becomes JSON. */
export interface ControlActions {
  readonly status: () => Promise<object>
  /** Open tunnels and requests in progress. */
  readonly tunnels: () => Promise<readonly object[]>
  readonly reload: () => Promise<ReloadOutcome>
  /** Begins to stop; asked again it changes nothing. */
  readonly drain: () => Promise<object>
  readonly logLevel: () => string
  /** @returns false when there is no such level. */
  readonly setLogLevel: (level: string) => boolean
  /** @returns false when there is a log file and it cannot be opened anew. */
  readonly reopenLog: () => boolean
  /** Lets the password of the configuration be sent once more. */
  readonly unlock: () => object
}
