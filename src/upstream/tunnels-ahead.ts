import { NEVER_CANCELLED, ProxyError, type Timer } from '../core/index.ts'
import type { RequestHead } from '../http1/index.ts'
import { TargetHabits } from '../policy/index.ts'
import { type Call, type Delivered, newTrace } from './attempt.ts'
import { carry } from './carry.ts'
import type { UpstreamAccess } from './upstream-access.ts'

/** Servers close connections on which a client says nothing. */
const MAX_AGE_MS = 10_000

/** What a server says first is kept, so that a greeting is not lost; nobody sends more than this unasked. */
const EARLY_BYTES = 64 * 1024

interface Held {
  readonly tunnel: Delivered
  readonly timer: Timer
}

/**
 * Opens tunnels for one identity at one upstream before they are asked for: one more to each target that was asked for several
 * times of late (policy/target-habits.ts).
 */
export class TunnelsAhead {
  readonly #access: UpstreamAccess
  readonly #max: number
  readonly #habits = new TargetHabits()
  /** By target; undefined while the tunnel is being opened. */
  readonly #held = new Map<string, Held | undefined>()
  #isStopped = false

  /** @param max tunnels that are opened or held at a time. */
  constructor(access: UpstreamAccess, max: number) {
    this.#access = access
    this.#max = max
  }

  /** A CONNECT was answered with a tunnel. */
  opened(request: RequestHead): void {
    const { clock } = this.#access.upstream.options
    if (request.method !== 'CONNECT') return
    this.#habits.note(request.target, clock.now())
    if (this.#isWanted(request.target)) void this.#open(request)
  }

  /** @returns undefined when there is none, or it was closed meanwhile: the CONNECT is sent then. */
  take(request: RequestHead): Delivered | undefined {
    const { target } = request
    const held = request.method === 'CONNECT' ? this.#held.get(target) : undefined
    if (held === undefined) return undefined
    held.timer.cancel()
    this.#held.delete(target)
    const { lease } = held.tunnel
    if (lease.session.connection.isClosed) {
      lease.discard()
      this.#habits.forget(target)
      return undefined
    }
    this.opened(request)
    return held.tunnel
  }

  /** Closes what nobody took, and opens no more. */
  stop(): void {
    this.#isStopped = true
    for (const held of this.#held.values()) {
      held?.timer.cancel()
      held?.tunnel.lease.discard()
    }
    this.#held.clear()
  }

  #isWanted(target: string): boolean {
    const { identity, upstream } = this.#access
    if (this.#isStopped || this.#held.has(target) || this.#held.size >= this.#max) return false
    if (!upstream.isAvailable() || !identity.gate.hasProof) return false
    return this.#habits.isExpected(target, upstream.options.clock.now())
  }

  async #open(request: RequestHead): Promise<void> {
    const { clock } = this.#access.upstream.options
    const { target } = request
    this.#held.set(target, undefined)
    const tunnel = await this.#connect(request).catch(() => undefined)
    this.#held.delete(target)
    if (tunnel === undefined) {
      this.#habits.forget(target)
      return
    }
    const { lease } = tunnel
    if (this.#isStopped) {
      lease.discard()
      return
    }
    lease.session.connection.holdTunnel(EARLY_BYTES)
    const timer = clock.setTimer(MAX_AGE_MS, () => {
      this.#held.delete(target)
      lease.discard(new ProxyError('UPSTREAM_CLOSED', { detail: 'not wanted' }))
    })
    this.#held.set(target, { tunnel, timer })
  }

  /** @returns undefined when there is no room, or no tunnel. @throws ProxyError DIAL_*, UPSTREAM_*, AUTH_*. */
  async #connect(request: RequestHead): Promise<Delivered | undefined> {
    const { identity, pool, upstream } = this.#access
    const { clock, emit } = upstream.options
    const startedAt = clock.now()
    const lease = await pool.lendForSpare()
    if (lease === undefined) return undefined
    try {
      // Dialling took a while.
      if (identity.gate.hasProof) {
        const attempt = { call: callFor(request), request, lease }
        const exchange = await carry(this.#access, {
          ...attempt,
          phase: 'handshake',
          otherReading: false,
        })
        if (exchange.framing.kind === 'tunnel') {
          const session = lease.session.id
          const ms = clock.now() - startedAt
          emit({ type: 'session.warmed', session, upstream: upstream.label, grade: 'tunnel', ms })
          return { exchange, lease }
        }
      }
      lease.discard()
      return undefined
    } catch (error) {
      lease.discard()
      throw error
    }
  }
}

function callFor(request: RequestHead): Call {
  return {
    requestFor: () => request,
    body: undefined,
    isIdempotent: true,
    signal: NEVER_CANCELLED,
    onInformational: () => undefined,
    trace: newTrace(),
  }
}
