const TEXTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use; is another proxy (cntlm?) still running',
  EADDRNOTAVAIL: 'this host has no such address',
  EACCES: 'ports below 1024 need the right to bind them (root, or CAP_NET_BIND_SERVICE)',
}

/** Why an address could not be bound. */
export interface BindingProblem {
  readonly reason: string
  /** The address does not exist yet, which is not an error: that of docker0 comes with Docker. */
  readonly isWaiting: boolean
  /** Another socket already has the address, or one that includes it. */
  readonly isInUse?: boolean
}

export function bindingProblem(error: unknown): BindingProblem {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const text = TEXTS[code] ?? (error instanceof Error ? error.message : String(error))
  return {
    reason: code === '' ? text : `${text} (${code})`,
    isWaiting: code === 'EADDRNOTAVAIL',
    isInUse: code === 'EADDRINUSE',
  }
}
