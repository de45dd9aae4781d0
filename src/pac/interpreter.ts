import type { KnownNames, Outcome } from './dns-trace.ts'

/** What a script can query and output while it runs. */
export interface World {
  readonly names: KnownNames
  /** The addresses of this host. */
  readonly localAddresses: readonly string[]
  readonly alert: (text: string) => void
}

type Eventually<T> = T | Promise<T>

/** An interpreter with the helpers and, after `load`, one script. One run at a time. */
export interface Interpreter {
  /**
   * Runs the script's top level, which defines FindProxyForURL or else FindProxyForURLEx. Call it once: after `stopped`
   * a new interpreter is needed.
   * @throws ProxyError PAC_SYNTAX, PAC_TIMEOUT or PAC_MEMORY; after the last two it must not be used again.
   */
  load(source: string, world: World, budgetMs: number): Eventually<Outcome<void>>
  /** Calls the function. @throws as `load` does. */
  find(url: string, host: string, world: World, budgetMs: number): Eventually<Outcome<string>>
  close(): void
}

export interface Runtime {
  /** @throws ProxyError CONFIG when quickjs-wasi is not installed. */
  start(): Promise<Interpreter>
}
