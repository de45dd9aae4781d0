import type { Socket } from 'node:net'
import type { ListenAddress, Served } from '../config/index.ts'
import {
  type Clock,
  type Emit,
  formatHostPort,
  type HostPort,
  ProxyError,
  type Timer,
} from '../core/index.ts'
import { type Interface, listen, type Listener, meansInterface, peerOf } from '../net/index.ts'
import { type BindingProblem, bindingProblem } from './binding-problem.ts'
import type { Reception } from './handing-frontend.ts'
import { type InheritedSocket, servedOn } from './inherited-sockets.ts'
import { type ListeningPlan, type Place, planListening } from './listening-plan.ts'

interface Bound {
  /** undefined for an inherited socket, which stays open whatever the configuration says. */
  readonly place: Place | undefined
  readonly key: string
  readonly listener: Listener
  serves: Served
  reception: Reception
}

export interface ListenersOptions {
  readonly clock: Clock
  readonly emit: Emit
  readonly receptionFor: (served: Served) => Reception
  /** Whether connections must not be read from until they have reached the process that serves them. */
  readonly startsPaused: boolean
  readonly readInterfaces: () => readonly Interface[]
  /** Whether enough descriptors are left to keep an accepted connection. */
  readonly mayAccept: () => boolean
}

/** How often to poll interfaces, and addresses that do not exist yet. */
const LOOK_EVERY_MS = 2_000

/**
 * The ports of the proxy. Addresses that a configuration change does not affect stay bound. Interface addresses are
 * followed as they change, and missing ones are waited for.
 */
export class Listeners {
  readonly #options: ListenersOptions
  #asked: readonly ListenAddress[] = []
  /** Names found to be interfaces; they still count as such when the interface is gone. */
  #interfaceNames: ReadonlySet<string> = new Set()
  #bound: Bound[] = []
  /** What could not be bound and is retried, by address or interface. */
  #problems = new Map<string, BindingProblem>()
  #timer: Timer | undefined
  #isClosed = false
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: ListenersOptions) {
    this.#options = options
  }

  get addresses(): readonly HostPort[] {
    return this.#bound.map(({ listener }) => listener.address)
  }

  /** The bound addresses and what they serve. */
  get bound(): readonly { readonly address: HostPort; readonly serves: Served }[] {
    return this.#bound.map(({ listener, serves }) => ({ address: listener.address, serves }))
  }

  /** What is retried until it can be bound, by `host:port`. */
  get problems(): ReadonlyMap<string, BindingProblem> {
    return this.#problems
  }

  /** Addresses and interfaces that do not exist yet, as `host:port`. */
  get waiting(): readonly string[] {
    return [...this.#problems].filter(([, { isWaiting }]) => isWaiting).map(([address]) => address)
  }

  /**
   * Takes over inherited sockets and binds the other addresses. Like cntlm, it tolerates failures as long as one
   * address can be bound; an address that does not exist yet does not count as failed.
   * @throws ProxyError CONFIG when all failed.
   */
  async start(
    asked: readonly ListenAddress[],
    inherited: readonly InheritedSocket[] = [],
  ): Promise<void> {
    await this.#afterTheLast(async () => {
      for (const socket of inherited) await this.#adopt(socket)
      const interfaces = this.#ask(asked)
      await this.#follow(this.#plan(interfaces), () => true)
      if (this.#bound.length === 0 && this.waiting.length === 0)
        throw new ProxyError('CONFIG', { detail: 'no address could be listened on' })
      this.#lookLater()
    })
  }

  /**
   * Binds new addresses first, then updates what the others serve, and closes those that are no longer wanted. Like
   * `start` it tolerates failures, as a reload must accept any configuration that can be started.
   * @returns which addresses could not be bound, and why.
   * @throws ProxyError CONFIG when nothing would be left to listen on; everything stays as before then.
   */
  async change(asked: readonly ListenAddress[]): Promise<readonly string[]> {
    return this.#afterTheLast(async () => {
      const before = { asked: this.#asked, names: this.#interfaceNames }
      const plan = this.#plan(this.#ask(asked))
      try {
        const { fresh, moved, problems } = await this.#bindNew(plan)
        const failed = describeFailed(problems)
        if (!this.#hasAny(plan, fresh, problems)) {
          const gone = await this.#bringBack(moved)
          throw new ProxyError('CONFIG', { detail: [...failed, ...gone].join('; ') })
        }
        this.#close([...moved, ...this.#unwanted(plan)])
        for (const { key, serves } of plan.places) {
          const kept = this.#bound.find(bound => bound.key === key)
          if (kept === undefined) continue
          kept.serves = serves
          kept.reception = this.#options.receptionFor(serves)
        }
        for (const { listener } of fresh) this.#tellBound(listener)
        this.#bound = [...fresh, ...this.#bound]
        this.#reportAll(new Map([...plan.missing, ...problems]))
        this.#remember(plan, problems)
        return failed
      } catch (error) {
        this.#asked = before.asked
        this.#interfaceNames = before.names
        throw error
      } finally {
        this.#lookLater()
      }
    })
  }

  /**
   * Binds the addresses of a plan that are not bound yet. Closes sockets that are in the way and no longer in the plan
   * (127.0.0.1:3128 when 0.0.0.0:3128 is requested). Emits no events, as the change may still fail.
   */
  async #bindNew(plan: ListeningPlan): Promise<{
    fresh: Bound[]
    moved: Bound[]
    problems: ReadonlyMap<string, BindingProblem>
  }> {
    const fresh: Bound[] = []
    const moved: Bound[] = []
    const problems = new Map<string, BindingProblem>()
    for (const place of this.#unbound(plan)) {
      let bound = await this.#try(place)
      if ('isInUse' in bound && bound.isInUse) {
        const inTheWay = this.#unwanted(plan).filter(each => isOnPort(each, place.port))
        for (const { listener } of inTheWay) listener.close()
        this.#bound = this.#bound.filter(each => !inTheWay.includes(each))
        moved.push(...inTheWay)
        if (inTheWay.length > 0) bound = await this.#try(place)
      }
      if ('listener' in bound) fresh.push(bound)
      else problems.set(place.key, bound)
    }
    return { fresh, moved, problems }
  }

  /** Whether anything would be listened on, now or once its address exists. */
  #hasAny(
    plan: ListeningPlan,
    fresh: readonly Bound[],
    problems: ReadonlyMap<string, BindingProblem>,
  ): boolean {
    return (
      fresh.length > 0 ||
      this.#bound.length > this.#unwanted(plan).length ||
      plan.missing.size > 0 ||
      [...problems.values()].some(({ isWaiting }) => isWaiting)
    )
  }

  /** Binds sockets again that were closed for a change that failed. @returns those that cannot be bound again. */
  async #bringBack(moved: readonly Bound[]): Promise<string[]> {
    const gone: string[] = []
    for (const each of moved) {
      const { place } = each
      if (place === undefined) continue
      const bound = await this.#try(place)
      if ('listener' in bound) {
        this.#bound.push(bound)
      } else {
        this.#close([each])
        this.#report(place.key, bound)
        this.#problems.set(place.key, bound)
        gone.push(`${place.key} made room for that and cannot be bound again: ${bound.reason}`)
      }
    }
    return gone
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    for (const { listener } of this.#bound) listener.close()
  }

  /** Serializes changes and polls. */
  async #afterTheLast<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => undefined)
    return done
  }

  /** Sets the requested addresses. @returns the interfaces that were used to tell interface names from host names. */
  #ask(asked: readonly ListenAddress[]): readonly Interface[] {
    const interfaces = this.#options.readInterfaces()
    this.#asked = asked
    this.#interfaceNames = new Set(
      asked.map(({ host }) => host).filter(host => meansInterface(host, interfaces)),
    )
    return interfaces
  }

  #plan(interfaces: readonly Interface[]): ListeningPlan {
    return planListening(this.#asked, interfaces, host => this.#interfaceNames.has(host))
  }

  #unbound({ places }: ListeningPlan): Place[] {
    const taken = new Set(this.#bound.map(({ key }) => key))
    return places.filter(({ key }) => !taken.has(key))
  }

  /** Closes listeners whose address is gone, and binds those unbound addresses of the plan for which `isTried` holds. */
  async #follow(plan: ListeningPlan, isTried: (place: Place) => boolean): Promise<void> {
    this.#closeAllBut(plan)
    this.#reportAll(plan.missing)
    const problems = new Map<string, BindingProblem>()
    for (const place of this.#unbound(plan).filter(isTried)) {
      const bound = await this.#try(place)
      if ('listener' in bound) {
        this.#bound.push(bound)
        this.#tellBound(bound.listener)
      } else {
        this.#report(place.key, bound)
        problems.set(place.key, bound)
      }
    }
    this.#remember(plan, problems)
  }

  #closeAllBut(plan: ListeningPlan): void {
    this.#close(this.#unwanted(plan))
  }

  /** Listeners that are no longer in the plan. Inherited sockets always stay. */
  #unwanted({ places }: ListeningPlan): Bound[] {
    const wanted = new Set(places.map(({ key }) => key))
    return this.#bound.filter(({ place, key }) => place !== undefined && !wanted.has(key))
  }

  #close(unwanted: readonly Bound[]): void {
    for (const { listener } of unwanted) {
      listener.close()
      this.#options.emit({ type: 'listener.closed', address: formatHostPort(listener.address) })
    }
    this.#bound = this.#bound.filter(bound => !unwanted.includes(bound))
  }

  /** Reports each problem once. */
  #report(address: string, { reason, isWaiting }: BindingProblem): void {
    if (this.#problems.get(address)?.reason === reason) return
    const type = isWaiting ? 'listener.waiting' : 'listener.failed'
    this.#options.emit({ type, address, reason })
  }

  #reportAll(problems: ReadonlyMap<string, BindingProblem>): void {
    for (const [address, problem] of problems) this.#report(address, problem)
  }

  /** Keeps the problems to retry: all but those of addresses in the configuration itself that failed at the start. */
  #remember({ places, missing }: ListeningPlan, found: ReadonlyMap<string, BindingProblem>): void {
    const given = new Set(places.filter(each => !each.isFollowed).map(({ key }) => key))
    const isTriedAgain = (key: string, { isWaiting }: BindingProblem): boolean =>
      isWaiting || !given.has(key) || this.#problems.has(key)
    this.#problems = new Map([
      ...missing,
      ...[...found].filter(([key, problem]) => isTriedAgain(key, problem)),
    ])
  }

  #lookLater(): void {
    this.#timer?.cancel()
    if (this.#isClosed || (this.#interfaceNames.size === 0 && this.#problems.size === 0)) return
    const { clock } = this.#options
    // With nothing bound yet, only this timer keeps the process alive.
    this.#timer = clock.setTimer(LOOK_EVERY_MS, () => void this.#look(), 'process')
  }

  async #look(): Promise<void> {
    await this.#afterTheLast(async () => {
      const plan = this.#plan(this.#options.readInterfaces())
      await this.#follow(plan, ({ key, isFollowed }) => isFollowed || this.#problems.has(key))
      this.#lookLater()
    })
  }

  async #adopt(inherited: InheritedSocket): Promise<void> {
    try {
      const bound = await this.#bind(undefined, inherited, servedOn(inherited))
      this.#bound.push(bound)
      this.#tellBound(bound.listener)
    } catch (error) {
      this.#options.emit({
        type: 'listener.failed',
        address: `inherited socket ${inherited.name} (descriptor ${inherited.fd})`,
        reason: error instanceof Error ? error.message : String(error),
      })
    }
  }

  async #try(place: Place): Promise<Bound | BindingProblem> {
    try {
      return await this.#bind(place, place, place.serves)
    } catch (error) {
      return bindingProblem(error)
    }
  }

  async #bind(
    place: Place | undefined,
    at: HostPort | InheritedSocket,
    serves: Served,
  ): Promise<Bound> {
    const { receptionFor, startsPaused } = this.#options
    const listener = await listen(at, socket => this.#accept(bound, socket), { startsPaused })
    const bound: Bound = {
      place,
      key: place?.key ?? formatHostPort(listener.address),
      listener,
      serves,
      reception: receptionFor(serves),
    }
    if (this.#isClosed) listener.close()
    return bound
  }

  #accept({ reception }: Bound, socket: Socket): void {
    const { emit, mayAccept } = this.#options
    const client = peerOf(socket)
    // The client disconnected before it was accepted.
    if (client === undefined) {
      socket.destroy()
    } else if (!mayAccept()) {
      socket.destroy()
      const { address, port } = client
      emit({
        type: 'client.refused',
        client: `${address}:${port}`,
        limit: 'descriptors',
        most: undefined,
      })
    } else {
      reception.accept(socket, client)
    }
  }

  #tellBound({ address }: Listener): void {
    if (this.#isClosed) return
    this.#options.emit({ type: 'listener.bound', address: formatHostPort(address) })
  }
}

function describeFailed(problems: ReadonlyMap<string, BindingProblem>): string[] {
  return [...problems]
    .filter(([, { isWaiting }]) => !isWaiting)
    .map(([address, { reason }]) => `cannot listen on ${address}: ${reason}`)
}

function isOnPort({ listener }: Bound, port: number): boolean {
  return listener.address.port === port
}
