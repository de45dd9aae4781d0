import {
  type CancelSignal,
  type Clock,
  countFrom,
  type Emit,
  type Entropy,
  formatHostPort,
  type HostPort,
} from '../core/index.ts'
import {
  DescriptorGauge,
  type Dialer,
  type HostNames,
  type Interface,
  readDescriptorLimit,
  sparingDialer,
  readInterfaces,
  systemNames,
  tcpDialer,
} from '../net/index.ts'
import { type KeeperOptions, openPac, type PacFinder } from '../pac/index.ts'
import { Upstream, type UpstreamOptions } from '../upstream/index.ts'
import type { GuardStore } from './guard-store.ts'
import { type Logons, NearLogons } from './near-logons.ts'

export interface CarryOverPorts {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly emit: Emit
  readonly guardStore: GuardStore
  readonly dialer?: Dialer
  readonly openPac?: (options: KeeperOptions) => PacFinder
  /** Default: the interfaces of this host. */
  readonly readInterfaces?: () => readonly Interface[]
  /** Default: logons with guards in this process. */
  readonly logons?: Logons
  /** Default: new names. */
  readonly names?: ProcessNames
}

/** What distinguishes a process, its requests and its sessions from those of others. */
export interface ProcessNames {
  /** This proxy's name in Via. */
  readonly pseudonym: string
  readonly requestPrefix: string
  readonly firstSession: number
}

type UpstreamInput = Omit<UpstreamOptions, 'clock' | 'emit' | 'nextSessionId' | 'via'>

const OLD_PAC_MS = 10_000

/** State that survives a reload: names and numbers of the process, the verdict on the account, and upstreams with their sessions. */
export class CarryOver {
  /** This proxy's name in Via. It survives reloads, so that loops are still detected. */
  readonly pseudonym: string
  readonly nextRequestId: () => string
  readonly nextSessionId: () => number
  readonly logons: Logons
  /** Infinity where the system does not report it. */
  readonly descriptorLimit = readDescriptorLimit() ?? Infinity
  readonly descriptors = new DescriptorGauge(this.descriptorLimit)
  readonly #ports: CarryOverPorts
  /** Keeps the last good addresses of upstreams. */
  readonly #names: HostNames
  #pac: { readonly key: string; readonly finder: PacFinder } | undefined
  #dialer: { readonly timeoutMs: number; readonly dialer: Dialer } | undefined
  #interfaces: readonly Interface[] | undefined
  #upstreams = new Map<string, { readonly key: string; readonly upstream: Upstream }>()

  constructor(ports: CarryOverPorts) {
    this.#ports = ports
    this.#names = systemNames(ports.clock)
    const names = ports.names ?? newNames(ports.entropy)
    this.pseudonym = names.pseudonym
    this.nextRequestId = requestIds(names.requestPrefix)
    this.nextSessionId = countFrom(names.firstSession)
    this.logons = ports.logons ?? new NearLogons(ports)
  }

  /** The interfaces of this host. If no descriptor is left to read them, the last known ones: a port must not be closed for that. */
  readonly readInterfaces = (): readonly Interface[] => {
    try {
      this.#interfaces = (this.#ports.readInterfaces ?? readInterfaces)()
    } catch (error) {
      if (this.#interfaces === undefined) throw error
    }
    return this.#interfaces
  }

  dialerFor(timeoutMs: number): Dialer {
    if (this.#dialer?.timeoutMs === timeoutMs) return this.#dialer.dialer
    const plain =
      this.#ports.dialer ?? tcpDialer({ clock: this.#ports.clock, timeoutMs, names: this.#names })
    const dialer = sparingDialer(plain, this.descriptors)
    this.#dialer = { timeoutMs, dialer }
    return dialer
  }

  /**
   * The upstreams at these addresses. Existing ones are kept with their sessions if nothing about them has changed. If
   * only limits have, their known health and capabilities carry over.
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

  /** The finder for the PAC script. An existing one is kept, with its last good copy, if it is for the same script. */
  pacFor(location: string | undefined, refreshMs: number): PacFinder | undefined {
    const key = JSON.stringify([location, refreshMs])
    if (this.#pac?.key === key) return this.#pac.finder
    const old = this.#pac?.finder
    // Requests in progress may be about to use it.
    if (old !== undefined) this.#ports.clock.setTimer(OLD_PAC_MS, () => old.close())
    this.#pac = undefined
    if (location === undefined) return undefined
    const { clock, emit, openPac: open = openPac } = this.#ports
    const resolve = (name: string, signal: CancelSignal): Promise<readonly string[]> =>
      this.#names.lookUp(name, 'target', signal)
    const finder = open({ location, refreshMs, clock, emit, resolve })
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

export function newNames(entropy: Entropy): ProcessNames {
  return {
    pseudonym: `tsntlm-${entropy.bytes(4).toString('hex')}`,
    requestPrefix: entropy.bytes(2).toString('hex'),
    firstSession: 1,
  }
}

/** `3f9c-1`, `3f9c-2` ...: short enough to read out, different after a restart. */
function requestIds(prefix: string): () => string {
  const next = countFrom()
  return () => `${prefix}-${next()}`
}
