import type { Clock, Emit, Entropy } from '../core/index.ts'
import type { NtlmCredentials } from '../ntlm/index.ts'
import {
  AccountLedger,
  CredentialChoice,
  type GuardRecord,
  type GuardStart,
  LockoutGuard,
  LOGON_WINDOW_MS,
} from '../policy/index.ts'
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
  /** LogonBudget. */
  readonly budget: number
  /** Unix time in ms. */
  readonly configChangedAtMs: number
  /** Where the secret comes from. A stored rejection is about this secret if it has the same origin. */
  readonly secretOrigin: string
  readonly guardStore: GuardStore
  /** The ledger of the same account with a different secret in this process; the store is not read then. */
  readonly ledger?: AccountLedger | undefined
}

export interface OwnLogon {
  readonly identity: Identity
  readonly guard: GuardGate
  /** The rejections of the account, whichever credentials it is used with. */
  readonly ledger: AccountLedger
}

/** How long an unproven secret is held back after a start if rejections cannot be stored: a service may be restarted in a loop. */
const UNKEPT_MS = 60_000

/** The logon of the configured account, whose guard keeps its state in the store. */
export function ownLogon(options: OwnLogonOptions): OwnLogon {
  const { credentials, alternative, negotiateFlags, configChangedAtMs, secretOrigin } = options
  const { clock, emit, entropy, guardStore } = options
  const account = accountOf(credentials)
  const stored = options.ledger === undefined ? guardStore.load(account) : undefined
  const record = stored === 'unreadable' ? undefined : stored
  const choice = new CredentialChoice(
    alternative !== undefined,
    configChangedAtMs,
    record?.readings,
  )
  const start =
    options.ledger === undefined
      ? startFrom(stored, options)
      : { ledger: options.ledger, isChanged: true }
  const { ledger } = start
  const guard = new LockoutGuard({ ...start, choice })
  const authenticator = ntlmAuthenticator({
    credentials: () => (choice.current === 'plain' ? (alternative ?? credentials) : credentials),
    entropy,
    clock,
    negotiateFlags,
  })
  const gate = new GuardGate({
    guard,
    clock,
    account,
    origin: secretOrigin,
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
    onHeld: (upstream, forMs) => emit({ type: 'guard.held', account, upstream, forMs }),
    onUnlocked: () => emit({ type: 'guard.unlocked', account }),
    onMisread: upstream => {
      const { current } = choice
      if (current !== undefined)
        emit({ type: 'credential.misread', account, upstream, next: current })
    },
    onDoubted: upstream => emit({ type: 'guard.doubted', account, upstream }),
    onSlow: waitedMs => emit({ type: 'guard.slow', account, waitedMs, budget: guard.budget }),
  })
  if (options.ledger === undefined && !guardStore.save(account, record ?? NO_RECORD))
    guard.holdUntil(clock.now() + UNKEPT_MS)
  return { identity: { authenticator, gate }, guard: gate, ledger }
}

const NO_RECORD: GuardRecord = { rejections: [], exceptions: [] }

/** The state left by an earlier process, converted to the clock of this one. */
function startFrom(
  stored: GuardRecord | 'unreadable' | undefined,
  { budget, clock, configChangedAtMs, secretOrigin }: OwnLogonOptions,
): GuardStart {
  const limits = { budget, windowMs: LOGON_WINDOW_MS }
  const [now, wallNow] = [clock.now(), clock.wallMs()]
  if (stored === undefined) return { ledger: new AccountLedger(limits) }
  if (stored === 'unreadable') {
    const record = { rejections: [wallNow], exceptions: [] }
    return { ledger: AccountLedger.from(limits, record, now, wallNow) }
  }
  const { pendingSince, refused } = stored
  // A password was sent, and this process will never get the verdict.
  const rejections = [...stored.rejections, ...(pendingSince === undefined ? [] : [pendingSince])]
  const ledger = AccountLedger.from(limits, { ...stored, rejections }, now, wallNow)
  const last = Math.max(0, ...stored.rejections)
  // An older version stored only the times: a secret changed since then is a different one.
  const isOld = stored.exceptions === undefined && last > 0
  const isRefused =
    refused === undefined ? isOld && last >= configChangedAtMs : refused.origin === secretOrigin
  if (!isRefused) return { ledger, isChanged: refused !== undefined || last > 0 }
  // A changed clock must not extend the refusal beyond one window.
  const forMs = refused === undefined ? Infinity : refused.until - wallNow
  const untilMs = Math.min(now + Math.min(forMs, LOGON_WINDOW_MS), ledger.forgottenAt(now))
  return { ledger, refused: { untilMs, hadWorked: refused?.hadWorked ?? false } }
}

export interface ClientLogonOptions extends LogonPorts {
  readonly credentials: NtlmCredentials
  readonly negotiateFlags: number | undefined
  readonly ledger: AccountLedger
  /** How many of the rejections in the ledger's budget it may cause; default all. */
  readonly budget?: number
}

/** The logon of an account named by a client. It is guarded like the configured one, but nothing about it is stored. */
export function clientLogon(options: ClientLogonOptions): Identity {
  const { budget, credentials, negotiateFlags, ledger, clock, emit, entropy } = options
  const account = accountOf(credentials)
  const authenticator = ntlmAuthenticator({
    credentials: () => credentials,
    entropy,
    clock,
    negotiateFlags,
  })
  const gate = new GuardGate({
    guard: new LockoutGuard({ ledger, ...(budget === undefined ? {} : { budget }) }),
    clock,
    account,
    origin: '',
    save: () => undefined,
    onProven: () => emit({ type: 'client.proven', account }),
    onTripped: (upstream, forMs) => emit({ type: 'client.rejected', account, upstream, forMs }),
    onHeld: () => undefined,
    onUnlocked: () => undefined,
    onMisread: () => undefined,
    onDoubted: () => undefined,
    onSlow: () => undefined,
  })
  return { authenticator, gate }
}
