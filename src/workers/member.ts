import type { Socket } from 'node:net'
import type { Served } from '../config/index.ts'
import { type Clock, countFrom, type Emit, type Timer } from '../core/index.ts'
import type { Gate } from '../upstream/index.ts'
import type { Fate, WorkerSnapshot } from '../service/index.ts'
import type { Channel } from './channel.ts'
import { GateDesk } from './gate-desk.ts'
import type { FromWorker, Holder, ToWorker } from './messages.ts'

export interface MemberOptions {
  readonly clock: Clock
  readonly channel: Channel
  /** Receives the events of the worker. */
  readonly emit: Emit
  /** @throws ProxyError when there is none. */
  readonly gateOf: (holder: Holder) => Gate
  /** Called when the worker stops responding, or responds again. */
  readonly onSilent: (isSilent: boolean) => void
  /** Called once. */
  readonly onEnd: (reason: string) => void
}

/** How long the worker may take to start serving. */
const START_MS = 30_000
/**
 * How often the worker is pinged, after how many unanswered pings it gets no new clients, and after how many it is
 * killed. Pings are counted rather than time, because the host may have been suspended.
 */
const LOOK_EVERY_MS = 1_000
const SILENT_LOOKS = 2
const DEAD_LOOKS = 8
/** Time for the last log lines to arrive. */
const ABORT_MS = 2_000
/** How long a caller waits for the worker's counts. */
const ANSWER_MS = 1_000

interface Look {
  readonly wants: 'counts' | 'work'
  readonly onAnswer: () => void
}

interface Client {
  /** Kept until the worker has taken it, so that another worker can take it if this one dies. */
  socket: Socket | undefined
  readonly fate: Fate
}

/** One worker: its connections, its logons and whether it is alive. */
export class Member {
  readonly serves: Promise<void>
  readonly #ended: Promise<void>
  #isServing = false
  #isSilent = false
  #isClosing = false
  #inProgress = 0
  #snapshot: WorkerSnapshot
  readonly #options: MemberOptions
  readonly #desk: GateDesk
  readonly #clients = new Map<number, Client>()
  readonly #nextClient = countFrom()
  readonly #nextQuestion = countFrom()
  readonly #looks = new Map<number, Look>()
  readonly #onDrained: (() => void)[] = []
  #onServing: () => void = () => undefined
  #onEnded: () => void = () => undefined
  /** Why the worker was killed. */
  #fault: string | undefined
  #unanswered = 0
  #timer: Timer
  #hasEnded = false

  constructor(options: MemberOptions) {
    const { channel, clock, gateOf } = options
    this.#options = options
    const { pid } = channel
    this.#snapshot = { pid, upstreams: [], requests: 0, tunnels: 0, work: [] }
    this.#desk = new GateDesk({ gateOf, answer: answer => channel.send(answer) })
    this.serves = new Promise(resolve => (this.#onServing = resolve))
    this.#ended = new Promise(resolve => (this.#onEnded = resolve))
    this.#timer = clock.setTimer(START_MS, () => this.#kill('it did not start'))
    channel.onMessage(message => this.#receive(message))
    channel.onEnd(reason => this.#end(reason))
  }

  get pid(): number {
    return this.#options.channel.pid
  }

  get isServing(): boolean {
    return this.#isServing
  }

  get takesClients(): boolean {
    return this.#isServing && !this.#isSilent
  }

  /** Client connections. */
  get load(): number {
    return this.#clients.size
  }

  /** Requests and tunnels, by its last report. */
  get inProgress(): number {
    return this.#inProgress
  }

  get snapshot(): WorkerSnapshot {
    return this.#snapshot
  }

  send(message: ToWorker): void {
    this.#options.channel.send(message)
  }

  hand(socket: Socket, served: Served, fate: Fate): void {
    const client = this.#nextClient()
    this.#clients.set(client, { socket, fate })
    this.#options.channel.send({ type: 'client', client, served }, socket)
  }

  /** Refreshes the snapshot, if the worker answers in time. */
  async look(wants: 'counts' | 'work'): Promise<void> {
    if (!this.#isServing) return
    const question = this.#nextQuestion()
    await new Promise<void>(resolve => {
      const timer = this.#options.clock.setTimer(ANSWER_MS, () => {
        this.#looks.delete(question)
        resolve()
      })
      const onAnswer = (): void => {
        timer.cancel()
        resolve()
      }
      this.#looks.set(question, { wants, onAnswer })
      this.send({ type: 'look', question, wants })
    })
  }

  /** Resolves when the worker has finished all requests and tunnels. */
  async drain(): Promise<void> {
    if (this.#hasEnded) return
    await new Promise<void>(resolve => {
      this.#onDrained.push(resolve)
      this.send({ type: 'drain' })
    })
  }

  /** Ends all requests and tunnels. A drain resolves then, even if the worker does not answer. */
  abort(): void {
    this.send({ type: 'abort' })
    this.#options.clock.setTimer(ABORT_MS, () => this.#settleDrains())
  }

  /** Resolves when the worker has ended. */
  async close(): Promise<void> {
    this.#timer.cancel()
    this.#isServing = false
    this.#isClosing = true
    if (this.#isSilent) this.#options.channel.kill()
    else this.#options.channel.close()
    await this.#ended
  }

  #receive(message: FromWorker): void {
    this.#unanswered = 0
    if (this.#isSilent) this.#setSilent(false)
    switch (message.type) {
      case 'serving':
        this.#isServing = true
        this.#onServing()
        this.#watch()
        break
      case 'taken':
        this.#letGo(this.#clients.get(message.client))
        break
      case 'report':
        this.#inProgress = message.inProgress
        for (const client of message.closed) this.#release(client)
        for (const event of message.events) this.#options.emit(event)
        break
      case 'snapshot':
        this.#learn(message.snapshot, this.#looks.get(message.question))
        this.#looks.delete(message.question)
        break
      case 'drained':
        this.#inProgress = 0
        this.#settleDrains()
        break
      default:
        this.#desk.receive(message)
    }
  }

  /** A worker that hangs is worse than none: its clients wait. */
  #watch(): void {
    this.#timer.cancel()
    this.#timer = this.#options.clock.setTimer(LOOK_EVERY_MS, () => {
      if (this.#unanswered >= DEAD_LOOKS) return this.#kill('it did not respond')
      if (this.#unanswered === SILENT_LOOKS) this.#setSilent(true)
      this.#unanswered++
      void this.look('counts')
      this.#watch()
    })
  }

  /** A counts-only snapshot keeps the previous list of work, which a caller may be about to read. */
  #learn(snapshot: WorkerSnapshot, look: Look | undefined): void {
    const { work } = look?.wants === 'work' ? snapshot : this.#snapshot
    this.#snapshot = { ...snapshot, work }
    look?.onAnswer()
  }

  #setSilent(isSilent: boolean): void {
    this.#isSilent = isSilent
    this.#options.onSilent(isSilent)
  }

  /** SIGKILL also ends a stopped process, unlike any other signal. */
  #kill(fault: string): void {
    this.#fault = fault
    this.#options.channel.kill()
  }

  #release(client: number): void {
    const found = this.#clients.get(client)
    this.#letGo(found)
    this.#clients.delete(client)
    found?.fate.onClosed()
  }

  /** Closes this process's copy of a connection; it stays open in the worker. */
  #letGo(client: Client | undefined): void {
    client?.socket?.destroy()
    if (client !== undefined) client.socket = undefined
  }

  #settleDrains(): void {
    for (const resolve of this.#onDrained.splice(0)) resolve()
  }

  #end(reason: string): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#isServing = false
    this.#timer.cancel()
    this.#desk.close()
    for (const { onAnswer } of this.#looks.values()) onAnswer()
    this.#settleDrains()
    this.#onServing()
    this.#onEnded()
    this.#options.onEnd(this.#fault === undefined ? reason : `${reason}, because ${this.#fault}`)
    for (const [client, { socket, fate }] of [...this.#clients]) {
      if (socket === undefined || this.#isClosing) this.#release(client)
      else fate.onReturned()
    }
    this.#clients.clear()
  }
}
