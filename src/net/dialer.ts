import { lookup } from 'node:dns/promises'
import { isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  type CancelSignal,
  type Clock,
  type ErrorCode,
  formatHostPort,
  type HostPort,
  ProxyError,
} from '../core/index.ts'
import { canOpenDescriptor, SHORTAGES } from './descriptor-limit.ts'
import { connectLending } from './lending-socket.ts'

export interface DialOptions {
  readonly signal: CancelSignal
  /** Refuses an address after the name was resolved, so that no DNS answer can lead around the rule. */
  readonly permits?: (address: string) => boolean
}

export interface Dialer {
  /**
   * Opens a connection. A name is resolved anew each time, so a changed DNS answer is followed at once.
   * @throws ProxyError DIAL_DNS, DIAL_REFUSED, DIAL_TIMEOUT, DIAL_UNREACHABLE, NO_DESCRIPTORS, ROUTE_DENIED or
   * CLIENT_ABORTED.
   */
  dial(to: HostPort, options: DialOptions): Promise<Duplex>
}

export interface TcpDialerOptions {
  readonly clock: Clock
  /** For the whole dial: resolving and all addresses. */
  readonly timeoutMs: number
  /** RFC 8305 section 5: the next address is tried after this long, the earlier one goes on. */
  readonly staggerMs?: number
  readonly resolve?: (host: string) => Promise<readonly string[]>
}

const KEEP_ALIVE_AFTER_MS = 60_000

export function tcpDialer(options: TcpDialerOptions): Dialer {
  const { clock, timeoutMs, staggerMs = 250, resolve = resolveAll } = options
  return {
    async dial(to, { signal, permits }) {
      const label = formatHostPort(to)
      const race = new DialRace(to, label, clock, staggerMs)
      const timer = clock.setTimer(timeoutMs, () =>
        race.fail(
          new ProxyError('DIAL_TIMEOUT', {
            detail: `${label} did not answer within ${timeoutMs} ms`,
          }),
        ),
      )
      const abort = (): void => race.fail(new ProxyError('CLIENT_ABORTED'))
      signal.addEventListener('abort', abort, { once: true })
      if (signal.aborted) abort()
      try {
        const addresses =
          isIP(to.host) === 0 ? resolveNamed(resolve, to.host) : Promise.resolve([to.host])
        addresses
          .then(
            list => race.start(permitted(list, permits, label)),
            (error: unknown) => race.fail(error),
          )
          .catch((error: unknown) => race.fail(error))
        return await race.result
      } finally {
        timer.cancel()
        signal.removeEventListener('abort', abort)
      }
    },
  }
}

/** All addresses of a name, IPv4 and IPv6, as this host resolves names. Rejects when there is none. */
export async function resolveAll(host: string): Promise<string[]> {
  const found = await lookup(host, { all: true, verbatim: true })
  return found.map(entry => entry.address)
}

async function resolveNamed(
  resolve: (host: string) => Promise<readonly string[]>,
  host: string,
): Promise<readonly string[]> {
  try {
    return await resolve(host)
  } catch (cause) {
    // A resolver that may open no file says that the name is unknown.
    if (!canOpenDescriptor()) throw new ProxyError('NO_DESCRIPTORS', { detail: host, cause })
    throw new ProxyError('DIAL_DNS', {
      detail: `${host} has no address that this host can find`,
      cause,
    })
  }
}

function permitted(
  addresses: readonly string[],
  permits: ((address: string) => boolean) | undefined,
  label: string,
): readonly string[] {
  const allowed = permits === undefined ? addresses : addresses.filter(permits)
  if (allowed.length > 0) return allowed
  throw addresses.length === 0
    ? new ProxyError('DIAL_DNS', { detail: `${label} has no address` })
    : new ProxyError('ROUTE_DENIED', {
        detail: `${label} is an address of the proxy's own host or network`,
      })
}

/** Several addresses, the first connection wins (RFC 8305). */
class DialRace {
  readonly result: Promise<Duplex>
  readonly #to: HostPort
  readonly #label: string
  readonly #clock: Clock
  readonly #staggerMs: number
  readonly #running = new Set<Socket>()
  readonly #errors: Error[] = []
  #waiting: string[] = []
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

  start(addresses: readonly string[]): void {
    this.#waiting = [...addresses]
    this.#next()
  }

  fail(error: unknown): void {
    if (this.#settled) return
    this.#settled = true
    for (const socket of this.#running) socket.destroy()
    this.#reject(error)
  }

  #next(): void {
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
    const stagger = this.#clock.setTimer(this.#staggerMs, () => this.#next())
    const onError = (error: Error): void => {
      stagger.cancel()
      this.#running.delete(socket)
      this.#errors.push(error)
      if (this.#waiting.length > 0) this.#next()
      else if (this.#running.size === 0) this.fail(this.#verdict())
    }
    socket.once('error', onError)
    socket.once('connect', () => {
      stagger.cancel()
      socket.off('error', onError)
      this.#running.delete(socket)
      if (this.#settled) {
        socket.destroy()
        return
      }
      this.#settled = true
      for (const other of this.#running) other.destroy()
      this.#resolve(socket)
    })
    // A destroyed loser may still report an error: it concerns nobody.
    socket.on('error', ignore)
  }

  #verdict(): ProxyError {
    const codes = this.#errors.map(error => ('code' in error ? String(error.code) : error.message))
    const found = codes.map(dialCode)
    // Where an address could not be tried, the others say nothing about all of them.
    const code = found.includes('NO_DESCRIPTORS')
      ? 'NO_DESCRIPTORS'
      : (found.find(known => known !== 'DIAL_UNREACHABLE') ?? 'DIAL_UNREACHABLE')
    return new ProxyError(code, {
      detail: `${this.#label} (${codes.join(', ')})`,
      cause: new AggregateError(this.#errors),
    })
  }
}

/** Made once: one for each socket would keep its race for as long as the socket lives. */
const ignore = (): void => undefined

function dialCode(systemCode: string): ErrorCode {
  if (SHORTAGES.has(systemCode)) return 'NO_DESCRIPTORS'
  if (systemCode === 'ECONNREFUSED') return 'DIAL_REFUSED'
  return systemCode === 'ETIMEDOUT' ? 'DIAL_TIMEOUT' : 'DIAL_UNREACHABLE'
}
