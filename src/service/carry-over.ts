import {
  type Clock,
  countFrom,
  type Emit,
  type Entropy,
  formatHostPort,
  type HostPort,
} from '../core/index.ts'
import {
  type Dialer,
  type Interface,
  readDescriptorLimit,
  readInterfaces,
  tcpDialer,
} from '../net/index.ts'
import { type KeeperOptions, openPac, type PacFinder } from '../pac/index.ts'
import type { NtlmCredentials } from '../ntlm/index.ts'
import { Upstream, type UpstreamOptions } from '../upstream/index.ts'
import { AccountLedgers, type OwnAccount } from './accounts.ts'
import type { GuardStore } from './guard-store.ts'
import { ownLogon, type OwnLogonOptions } from './logons.ts'

export interface CarryOverPorts {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly emit: Emit
  readonly guardStore: GuardStore
  readonly dialer?: Dialer
  readonly openPac?: (options: KeeperOptions) => PacFinder
  readonly readInterfaces?: () => readonly Interface[]
}

type AccountInput = Pick<
  OwnLogonOptions,
  'credentials' | 'alternative' | 'negotiateFlags' | 'configChangedAtMs'
>

type UpstreamInput = Omit<UpstreamOptions, 'clock' | 'emit' | 'nextSessionId' | 'via'>

const OLD_PAC_MS = 10_000

interface KeptAccount extends OwnAccount {
  readonly key: string
  readonly configChangedAtMs: number
}

/** What outlives a reload: names and numbers of the process, the verdict on the account, and upstreams with their sessions. */
export class CarryOver {
  /** This proxy's name in Via: it stays, so that a loop is noticed across a reload. */
  readonly pseudonym: string
  readonly nextRequestId: () => string
  readonly nextSessionId = countFrom()
  readonly ledgers: AccountLedgers
  /** Infinity where the system does not say. */
  readonly descriptorLimit = readDescriptorLimit() ?? Infinity
  readonly #ports: CarryOverPorts
  #account: KeptAccount | undefined
  #pac: { readonly key: string; readonly finder: PacFinder } | undefined
  #dialer: { readonly timeoutMs: number; readonly dialer: Dialer } | undefined
  #interfaces: readonly Interface[] | undefined
  #upstreams = new Map<string, { readonly key: string; readonly upstream: Upstream }>()

  constructor(ports: CarryOverPorts) {
    this.#ports = ports
    this.pseudonym = `tsntlm-${ports.entropy.bytes(4).toString('hex')}`
    this.nextRequestId = requestIds(ports.entropy)
    this.ledgers = new AccountLedgers(ports.clock)
  }

  /** The interfaces of this host: as they were, where no descriptor is left to look. A port must not be closed for that. */
  readonly readInterfaces = (): readonly Interface[] => {
    try {
      this.#interfaces = (this.#ports.readInterfaces ?? readInterfaces)()
    } catch (error) {
      if (this.#interfaces === undefined) throw error
    }
    return this.#interfaces
  }

  /**
   * The account of the configuration: as it was, verdict and all, when nothing about it changed. A password that was rejected gets the
   * chance of a new start when the file was changed since.
   */
  accountFor(input: AccountInput): OwnAccount {
    const key = accountKey(input)
    const { credentials, configChangedAtMs } = input
    const kept = this.#account
    const isSame =
      kept?.key === key &&
      (kept.identity.gate.isOpen || kept.configChangedAtMs === configChangedAtMs)
    if (isSame) return kept
    const account = { ...ownLogon({ ...input, ...this.#ports }), credentials, key }
    this.#account = { ...account, configChangedAtMs }
    return account
  }

  dialerFor(timeoutMs: number): Dialer {
    if (this.#dialer?.timeoutMs === timeoutMs) return this.#dialer.dialer
    const dialer = this.#ports.dialer ?? tcpDialer({ clock: this.#ports.clock, timeoutMs })
    this.#dialer = { timeoutMs, dialer }
    return dialer
  }

  /**
   * Upstreams of these addresses: the ones that are there, with their sessions, where nothing about them changed. Where only
   * limits did, what is known of their health and ways goes on.
   */
  upstreamsFor(
    addresses: readonly HostPort[],
    options: Omit<UpstreamInput, 'address'>,
  ): Upstream[] {
    const { dialer, ...settings } = options
    const entries = addresses.map(address => {
      const label = formatHostPort(address)
      const key = JSON.stringify(settings)
      const known = this.#upstreams.get(label)
      const isSame = known?.key === key && known.upstream.options.dialer === dialer
      const upstream = isSame
        ? known.upstream
        : this.makeUpstream({ ...options, address }, known?.upstream)
      return [label, { key, upstream }] as const
    })
    this.#upstreams = new Map(entries)
    return entries.map(([, { upstream }]) => upstream)
  }

  /** What runs the script of Pac: the one that is there, with its last good copy, where it is the same script. */
  pacFor(location: string | undefined, refreshMs: number): PacFinder | undefined {
    const key = JSON.stringify([location, refreshMs])
    if (this.#pac?.key === key) return this.#pac.finder
    const old = this.#pac?.finder
    // Requests that have begun may be about to ask it.
    if (old !== undefined) this.#ports.clock.setTimer(OLD_PAC_MS, () => old.close())
    this.#pac = undefined
    if (location === undefined) return undefined
    const { clock, emit, openPac: open = openPac } = this.#ports
    const finder = open({ location, refreshMs, clock, emit })
    this.#pac = { key, finder }
    return finder
  }

  close(): void {
    this.#pac?.finder.close()
  }

  makeUpstream(options: UpstreamInput, predecessor?: Upstream): Upstream {
    const { clock, emit } = this.#ports
    const { nextSessionId, pseudonym } = this
    const via = `1.1 ${pseudonym}`
    return new Upstream({ ...options, clock, emit, nextSessionId, via }, predecessor)
  }
}

function accountKey({ credentials, alternative, negotiateFlags }: AccountInput): string {
  const { fingerprint, workstation }: NtlmCredentials = credentials
  return JSON.stringify([fingerprint, workstation, alternative?.fingerprint, negotiateFlags])
}

/** `3f9c-1`, `3f9c-2` ...: short enough to be read out, different after a restart. */
function requestIds(entropy: Entropy): () => string {
  const prefix = entropy.bytes(2).toString('hex')
  const next = countFrom()
  return () => `${prefix}-${next()}`
}
