import type { Socket } from 'node:net'
import type { Served } from '../config/index.ts'
import {
  type Clock,
  type Emit,
  isUpstreamNews,
  ProxyError,
  Secret,
  type Timer,
  type UpstreamNews,
} from '../core/index.ts'
import type {
  BuildInput,
  Fate,
  ProcessNames,
  WorkerSnapshot,
  Workforce,
  WorkforceHost,
} from '../service/index.ts'
import type { GuardForecast } from '../policy/index.ts'
import type { Gate, GuardGate } from '../upstream/index.ts'
import type { Channel } from './channel.ts'
import { partOf } from './division.ts'
import { Member } from './member.ts'
import type { Holder, OwnGuard } from './messages.ts'
import { packInput } from './packed-input.ts'

export interface CrewOptions {
  readonly clock: Clock
  /** Number of workers. */
  readonly size: number
  /** The names of this process. */
  readonly names: ProcessNames
  /** Starts the worker with this number, from 1. */
  readonly launch: (number: number) => Channel
}

/** A logon that began before a reload replaced its account is decided by its original guard; older logons have long ended. */
const KEPT_GUARDS = 8

/** A worker that ends is replaced: immediately if it had run for a while, otherwise with an increasing back-off. */
const LONG_LIFE_MS = 60_000
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000

/** How long clients wait at the start for workers that are slow to serve. */
const PATIENCE_MS = 5_000

/** IDs identify the process: sessions of the third one are numbered from 3 000 000 001. */
const SESSIONS_PER_PROCESS = 1_000_000_000

interface Place {
  /** From 0. */
  readonly index: number
  member: Member | undefined
  startedAt: number
  /** Consecutive short lives. */
  failures: number
  restart: Timer | undefined
}

/** A pool of worker processes. The one with the fewest connections gets the next client. */
export class Crew implements Workforce {
  readonly size: number
  readonly whenUp: Promise<void>
  #isUp = false
  #onUp: () => void = () => undefined
  readonly #options: CrewOptions
  readonly #places: readonly Place[]
  readonly #guards = new Map<number, GuardGate>()
  /** Upstreams that are marked down, for workers that start later. */
  readonly #down = new Map<string, { readonly news: UpstreamNews; readonly until: number }>()
  #host: WorkforceHost | undefined
  #input: BuildInput | undefined
  #serial = 0
  #launched = 0
  #isStopping = false

  constructor(options: CrewOptions) {
    this.#options = options
    this.size = options.size
    this.whenUp = new Promise(resolve => (this.#onUp = resolve))
    this.#places = Array.from({ length: options.size }, (_, index) => ({
      index,
      member: undefined,
      startedAt: 0,
      failures: 0,
      restart: undefined,
    }))
  }

  get isUp(): boolean {
    return this.#isUp
  }

  get snapshots(): readonly WorkerSnapshot[] {
    return this.#members.map(({ snapshot }) => snapshot)
  }

  get inProgress(): number {
    return this.#members.reduce((sum, { inProgress }) => sum + inProgress, 0)
  }

  async start(host: WorkforceHost): Promise<void> {
    this.#host = host
    for (const place of this.#places) this.#launch(place)
    const patience = this.#options.clock.setTimer(PATIENCE_MS, () => this.#letIn())
    await Promise.all(this.#members.map(async member => member.serves))
    patience.cancel()
    this.#letIn()
  }

  configure(input: BuildInput, guard: GuardGate | undefined): void {
    this.#input = input
    if (guard !== undefined && this.#guards.get(this.#serial) !== guard) this.#takeOver(guard)
    for (const { index, member } of this.#places)
      if (member !== undefined) this.#brief(member, index)
  }

  hand(socket: Socket, served: Served, fate: Fate): boolean {
    let idlest: Member | undefined
    for (const { member } of this.#places) {
      if (member?.takesClients !== true) continue
      if (idlest === undefined || member.load < idlest.load) idlest = member
    }
    idlest?.hand(socket, served, fate)
    return idlest !== undefined
  }

  tell(news: UpstreamNews, except?: Member): void {
    this.#note(news)
    for (const member of this.#members) if (member !== except) member.send({ type: 'news', news })
  }

  async look(wants: 'counts' | 'work'): Promise<void> {
    await Promise.all(this.#members.map(async member => member.look(wants)))
  }

  async drain(): Promise<void> {
    this.#stopReplacing()
    await Promise.all(this.#members.map(async member => member.drain()))
  }

  abort(): number {
    const cut = this.inProgress
    for (const member of this.#members) member.abort()
    return cut
  }

  async close(): Promise<void> {
    this.#stopReplacing()
    const members = this.#members
    for (const place of this.#places) place.member = undefined
    await Promise.all(members.map(async member => member.close()))
  }

  get #members(): Member[] {
    return this.#places.flatMap(({ member }) => member ?? [])
  }

  #letIn(): void {
    this.#isUp = true
    this.#onUp()
  }

  #note(news: UpstreamNews): void {
    if (news.type === 'upstream.down')
      this.#down.set(news.upstream, { news, until: this.#options.clock.now() + news.forMs })
    else this.#down.delete(news.upstream)
  }

  #stopReplacing(): void {
    this.#isStopping = true
    for (const { restart } of this.#places) restart?.cancel()
  }

  #takeOver(guard: GuardGate): void {
    this.#serial++
    this.#guards.set(this.#serial, guard)
    this.#guards.delete(this.#serial - KEPT_GUARDS)
    const serial = this.#serial
    let told = guard.forecast
    guard.onChange = () => {
      const { forecast } = guard
      if (!isNewsworthy(told, forecast)) return
      told = forecast
      for (const member of this.#members) member.send({ type: 'guard', own: { serial, forecast } })
    }
  }

  #launch(place: Place): void {
    const { clock, launch } = this.#options
    this.#launched++
    place.startedAt = clock.now()
    const member: Member = new Member({
      clock,
      channel: launch(place.index + 1),
      emit: this.#emitOf(() => member),
      gateOf: holder => this.#gateOf(holder),
      onSilent: isSilent => {
        this.#host?.emit({ type: isSilent ? 'worker.silent' : 'worker.answers', worker, pid })
      },
      onEnd: reason => this.#ended(place, member, reason),
    })
    place.member = member
    this.#brief(member, place.index)
    this.#tellOfDown(member)
    const { pid } = member
    const worker = place.index + 1
    void member.serves.then(() => {
      if (!member.isServing) return
      this.#host?.emit({ type: 'worker.started', worker, pid })
    })
  }

  #brief(member: Member, index: number): void {
    const { names, size } = this.#options
    const input = this.#input
    if (input === undefined) return
    const { requestPrefix, ...others } = names
    const launched = this.#launched
    member.send({
      type: 'configure',
      input: packInput({ ...input, config: partOf(input.config, index, size) }),
      own: this.#ownGuard(input),
      names: {
        ...others,
        requestPrefix: `${requestPrefix}.${launched}`,
        firstSession: launched * SESSIONS_PER_PROCESS + 1,
      },
    })
  }

  #tellOfDown(member: Member): void {
    const now = this.#options.clock.now()
    for (const { news, until } of this.#down.values()) {
      const forMs = until - now
      if (news.type === 'upstream.down' && forMs > 0)
        member.send({ type: 'news', news: { ...news, forMs } })
    }
  }

  #ownGuard({ credentials }: BuildInput): OwnGuard | undefined {
    const guard = this.#guards.get(this.#serial)
    if (credentials === undefined || guard === undefined) return undefined
    return { serial: this.#serial, forecast: guard.forecast }
  }

  /** Passes on what one worker learns about an upstream to all others. */
  #emitOf(member: () => Member): Emit {
    return event => {
      // This process loads the script too, and has already reported it.
      if (event.type === 'pac.loaded' || event.type === 'pac.failed') return
      this.#host?.emit(event)
      if (!isUpstreamNews(event)) return
      this.#host?.learn(event)
      this.tell(event, member())
    }
  }

  #gateOf(holder: Holder): Gate {
    if (holder.kind === 'client') {
      const { user, password } = holder
      const gate = this.#host?.gateOf({ user, password: new Secret(password) })
      if (gate !== undefined) return gate
    } else {
      const guard = this.#guards.get(holder.serial)
      if (guard !== undefined) return guard
    }
    throw new ProxyError('AUTH_STATE_LOST', { detail: 'the account was changed meanwhile' })
  }

  #ended(place: Place, member: Member, reason: string): void {
    if (place.member === member) place.member = undefined
    if (this.#isStopping) return
    const { clock } = this.#options
    const isOld = clock.now() - place.startedAt >= LONG_LIFE_MS
    place.failures = isOld ? 0 : place.failures + 1
    const againInMs = isOld
      ? 0
      : Math.min(FIRST_PAUSE_MS * 2 ** (place.failures - 1), LONGEST_PAUSE_MS)
    const { pid } = member
    this.#host?.emit({ type: 'worker.ended', worker: place.index + 1, pid, reason, againInMs })
    place.restart = clock.setTimer(againInMs, () => this.#launch(place))
  }
}

/** Each accepted logon extends the proof; workers are updated only after this much of a change. */
const PROOF_NEWS_MS = 60_000

function isNewsworthy(told: GuardForecast, now: GuardForecast): boolean {
  return (
    isFar(told.proofForMs, now.proofForMs) ||
    isFar(told.refusedForMs, now.refusedForMs) ||
    now.asksOrigins !== told.asksOrigins ||
    now.reading !== told.reading
  )
}

/** Both are relative to the time when they were sent. A start or an end is always sent. */
function isFar(told: number, now: number): boolean {
  return told > 0 !== now > 0 || Math.abs(told - now) > PROOF_NEWS_MS
}
