import { isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  Cancellation,
  type CancelSignal,
  type Clock,
  type ErrorCode,
  formatHostPort,
  type HostPort,
  ProxyError,
  type Timer,
} from '../core/index.ts'
import { SHORTAGES } from './descriptor-limit.ts'
import { connectLending } from './lending-socket.ts'
import { nameServerSilent } from './names/dns-search.ts'
import type { HostNames } from './names/host-names.ts'
import { interleaveFamilies } from './names/interleave.ts'
import type { NameUse } from './names/look-ups.ts'
import { systemNames } from './names/system-names.ts'

export interface DialOptions {
  readonly signal: CancelSignal
  /** Checks each resolved address, so that no DNS answer can bypass the rule. */
  readonly permits?: (address: string) => boolean
  /** Default `upstream`: the last good addresses are used while a new look-up goes unanswered. */
  readonly use?: NameUse
}

export interface Dialer {
  /**
   * Opens a connection. Names are resolved on every dial, so a DNS change takes effect immediately.
   * @throws ProxyError DIAL_DNS, DIAL_REFUSED, DIAL_TIMEOUT, DIAL_UNREACHABLE, NO_DESCRIPTORS, ROUTE_DENIED or
   * CLIENT_ABORTED.
   */
  dial(to: HostPort, options: DialOptions): Promise<Duplex>
}

export interface TcpDialerOptions {
  readonly clock: Clock
  /** For the whole dial: name resolution and all addresses. */
  readonly timeoutMs: number
  /** RFC 8305 section 5: delay before the next address is tried; earlier attempts continue. */
  readonly staggerMs?: number
  /** Default: this host's own name resolution. */
  readonly names?: HostNames
}

const KEEP_ALIVE_AFTER_MS = 60_000

export function tcpDialer(options: TcpDialerOptions): Dialer {
  const { clock, timeoutMs, staggerMs = 250, names = systemNames(clock) } = options
  return {
    async dial(to, { signal, permits, use = 'upstream' }) {
      const { host } = to
      const label = formatHostPort(to)
      const race = new DialRace(to, label, clock, staggerMs)
      const timer = clock.setTimer(timeoutMs, () => race.expire(timeoutMs))
      const abort = (): void => race.fail(new ProxyError('CLIENT_ABORTED'))
      signal.addEventListener('abort', abort, { once: true })
      if (signal.aborted) abort()
      const over = new Cancellation()
      const offer = (addresses: readonly string[]): void =>
        race.offer(permitted(addresses, permits, label))
      const resolve = async (): Promise<void> => {
        if (isIP(host) !== 0) offer([host])
        else if (use === 'upstream') await names.offerUpstream(host, offer, over)
        else offer(await names.lookUp(host, use, over))
      }
      try {
        resolve().catch((error: unknown) => race.fail(error))
        return await race.result
      } finally {
        over.abort()
        timer.cancel()
        signal.removeEventListener('abort', abort)
      }
    },
  }
}

function permitted(
  addresses: readonly string[],
  permits: ((address: string) => boolean) | undefined,
  label: string,
): readonly string[] {
  const allowed = permits === undefined ? addresses : addresses.filter(permits)
  if (allowed.length > 0) return allowed
  throw new ProxyError('ROUTE_DENIED', {
    detail: `${label} is an address of the proxy's own host or network`,
  })
}

/** Races connections to several addresses; the first one wins (RFC 8305). */
class DialRace {
  readonly result: Promise<Duplex>
  readonly #to: HostPort
  readonly #label: string
  readonly #clock: Clock
  readonly #staggerMs: number
  readonly #running = new Set<Socket>()
  readonly #errors: Error[] = []
  readonly #known = new Set<string>()
  #waiting: string[] = []
  #startedAt: number | undefined
  /** RFC 8305 section 5: runs until the next address is tried. */
  #delay: Timer | undefined
  #settled = false
  #resolve!: (socket: Duplex) => void
  #reject!: (error: unknown) => void

  constructor(to: HostPort, label: string, clock: Clock, staggerMs: number) {
    this.#to = to
    this.#label = label
    this.#clock = clock
    this.#staggerMs = staggerMs
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** Adds addresses. Known ones are not tried again; later ones are tried last (RFC 8305 section 3). */
  offer(addresses: readonly string[]): void {
    const fresh = interleaveFamilies(addresses).filter(address => !this.#known.has(address))
    for (const address of fresh) this.#known.add(address)
    this.#waiting.push(...fresh)
    this.#startedAt ??= this.#clock.now()
    // Otherwise the delay after the latest attempt is still running.
    if (this.#delay === undefined) this.#next()
  }

  /** The deadline passed, either in name resolution or while connecting. */
  expire(timeoutMs: number): void {
    if (this.#startedAt === undefined) return this.fail(nameServerSilent(this.#to.host, timeoutMs))
    const tookMs = Math.round(this.#clock.now() - this.#startedAt)
    this.fail(
      new ProxyError('DIAL_TIMEOUT', {
        detail: `${this.#label} did not answer within ${tookMs} ms`,
      }),
    )
  }

  fail(error: unknown): void {
    if (this.#settled) return
    this.#settle()
    this.#reject(error)
  }

  #settle(): void {
    this.#settled = true
    this.#delay?.cancel()
    for (const socket of this.#running) socket.destroy()
  }

  #next(): void {
    this.#delay?.cancel()
    this.#delay = undefined
    const address = this.#waiting.shift()
    if (this.#settled || address === undefined) return
    const socket = connectLending({
      host: address,
      port: this.#to.port,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS,
    })
    this.#running.add(socket)
    this.#delay = this.#clock.setTimer(this.#staggerMs, () => this.#next())
    const onError = (error: Error): void => {
      this.#running.delete(socket)
      this.#errors.push(error)
      if (this.#waiting.length > 0) this.#next()
      else if (this.#running.size === 0) this.fail(this.#verdict())
    }
    socket.once('error', onError)
    socket.once('connect', () => {
      socket.off('error', onError)
      this.#running.delete(socket)
      if (this.#settled) {
        socket.destroy()
        return
      }
      this.#settle()
      this.#resolve(socket)
    })
    // A destroyed loser may still emit an error.
    socket.on('error', ignore)
  }

  #verdict(): ProxyError {
    const codes = this.#errors.map(error => ('code' in error ? String(error.code) : error.message))
    const found = codes.map(dialCode)
    // If one address could not be tried, the failures of the others are not conclusive.
    const code = found.includes('NO_DESCRIPTORS')
      ? 'NO_DESCRIPTORS'
      : (found.find(known => known !== 'DIAL_UNREACHABLE') ?? 'DIAL_UNREACHABLE')
    return new ProxyError(code, {
      detail: `${this.#label} (${codes.join(', ')})`,
      cause: new AggregateError(this.#errors),
    })
  }
}

/** Shared: a closure per socket would keep its race alive as long as the socket. */
const ignore = (): void => undefined

function dialCode(systemCode: string): ErrorCode {
  if (SHORTAGES.has(systemCode)) return 'NO_DESCRIPTORS'
  if (systemCode === 'ECONNREFUSED') return 'DIAL_REFUSED'
  return systemCode === 'ETIMEDOUT' ? 'DIAL_TIMEOUT' : 'DIAL_UNREACHABLE'
}
