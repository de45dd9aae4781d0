import type { Clock, Emit, Entropy } from '../core/index.ts'
import type { NtlmCredentials } from '../ntlm/index.ts'
import { CredentialChoice, LockoutGuard } from '../policy/index.ts'
import { accountOf, type Authenticator, GuardGate, ntlmAuthenticator } from '../upstream/index.ts'
import type { GuardStore } from './guard-store.ts'

export interface LogonOptions {
  readonly credentials: NtlmCredentials
  /** The same account with its hashes read as plain, where `credentials` reads them as inverted by guess. */
  readonly alternative: NtlmCredentials | undefined
  readonly negotiateFlags: number | undefined
  /** Unix time in ms. */
  readonly configChangedAtMs: number
  readonly guardStore: GuardStore
  readonly clock: Clock
  readonly entropy: Entropy
  readonly emit: Emit
}

/** What all upstreams share to log on: one account, one guard. */
export interface Logons {
  readonly authenticator: Authenticator
  readonly gate: GuardGate
}

export function buildLogons(options: LogonOptions): Logons {
  const { credentials, alternative, negotiateFlags, configChangedAtMs } = options
  const { clock, emit, entropy, guardStore } = options
  const account = accountOf(credentials)
  const record = guardStore.load(account)
  const choice = new CredentialChoice(
    alternative !== undefined,
    configChangedAtMs,
    record?.readings,
  )
  const authenticator = ntlmAuthenticator({
    credentials: () => (choice.current === 'plain' ? (alternative ?? credentials) : credentials),
    entropy,
    clock,
    negotiateFlags,
  })
  const gate = new GuardGate({
    guard: new LockoutGuard(clock.wallMs(), record, configChangedAtMs, choice),
    clock,
    account,
    save: one => guardStore.save(account, one),
    onProven: () => {
      emit({ type: 'guard.proven', account })
      const { accepted } = choice
      if (accepted !== undefined) emit({ type: 'credential.reading', account, reading: accepted })
    },
    onTripped: (upstream, forMs) =>
      emit({
        type: 'guard.tripped',
        account,
        upstream,
        forMs: Number.isFinite(forMs) ? forMs : undefined,
      }),
    onMisread: upstream => {
      const { current } = choice
      if (current !== undefined)
        emit({ type: 'credential.misread', account, upstream, next: current })
    },
  })
  return { authenticator, gate }
}
