import type { Clock, Emit, Entropy } from '../core/index.ts'
import type { NtlmCredentials } from '../ntlm/index.ts'
import type { RejectionLedger } from '../policy/index.ts'
import { CredentialChoice, GUARD_DEFAULTS, LockoutGuard } from '../policy/index.ts'
import { accountOf, GuardGate, type Identity, ntlmAuthenticator } from '../upstream/index.ts'
import type { GuardStore } from './guard-store.ts'

export interface LogonPorts {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly emit: Emit
}

export interface OwnLogonOptions extends LogonPorts {
  readonly credentials: NtlmCredentials
  /** The same account with its hashes read as plain, where `credentials` reads them as inverted by guess. */
  readonly alternative: NtlmCredentials | undefined
  readonly negotiateFlags: number | undefined
  /** Unix time in ms. */
  readonly configChangedAtMs: number
  readonly guardStore: GuardStore
}

export interface OwnLogon {
  readonly identity: Identity
  readonly guard: GuardGate
  /** The rejections that count for the account, whoever names it. */
  readonly ledger: RejectionLedger
}

/** The account of the configuration; what its guard must not forget is stored. */
export function ownLogon(options: OwnLogonOptions): OwnLogon {
  const { credentials, alternative, negotiateFlags, configChangedAtMs } = options
  const { clock, emit, entropy, guardStore } = options
  const account = accountOf(credentials)
  const record = guardStore.load(account)
  const now = clock.wallMs()
  const choice = new CredentialChoice(
    alternative !== undefined,
    configChangedAtMs,
    record?.readings,
  )
  const ledger = LockoutGuard.ledgerFrom(record, now)
  const authenticator = ntlmAuthenticator({
    credentials: () => (choice.current === 'plain' ? (alternative ?? credentials) : credentials),
    entropy,
    clock,
    negotiateFlags,
  })
  const gate = new GuardGate({
    guard: new LockoutGuard(now, record, configChangedAtMs, choice, GUARD_DEFAULTS, ledger),
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
    onUnlocked: () => emit({ type: 'guard.unlocked', account }),
    onMisread: upstream => {
      const { current } = choice
      if (current !== undefined)
        emit({ type: 'credential.misread', account, upstream, next: current })
    },
  })
  return { identity: { authenticator, gate }, guard: gate, ledger }
}

export interface ClientLogonOptions extends LogonPorts {
  readonly credentials: NtlmCredentials
  readonly negotiateFlags: number | undefined
  readonly ledger: RejectionLedger
  /** How many rejections the ledger may have. */
  readonly budget: number
}

/** An account that a client names. It is guarded like the other, but nothing about it is written down. */
export function clientLogon(options: ClientLogonOptions): Identity {
  const { budget, credentials, negotiateFlags, ledger, clock, emit, entropy } = options
  const account = accountOf(credentials)
  const authenticator = ntlmAuthenticator({
    credentials: () => credentials,
    entropy,
    clock,
    negotiateFlags,
  })
  const now = clock.wallMs()
  const choice = new CredentialChoice(false, now, undefined)
  const gate = new GuardGate({
    guard: new LockoutGuard(now, undefined, now, choice, { ...GUARD_DEFAULTS, budget }, ledger),
    clock,
    account,
    save: () => undefined,
    onProven: () => emit({ type: 'client.proven', account }),
    onTripped: (upstream, forMs) => emit({ type: 'client.rejected', account, upstream, forMs }),
    onUnlocked: () => undefined,
    onMisread: () => undefined,
  })
  return { authenticator, gate }
}
