import type { Socket } from 'node:net'
import type { Served } from '../config/index.ts'
import { type Clock, countFrom, type Emit, type Timer } from '../core/index.ts'
import type { Gate } from '../upstream/index.ts'
import type { WorkerSnapshot } from '../service/index.ts'
import type { Channel } from './channel.ts'
import { GateDesk } from './gate-desk.ts'
import type { FromWorker, Holder, ToWorker } from './messages.ts'

export interface MemberOptions {
  readonly clock: Clock
  readonly channel: Channel
  /** What happens in it. */
  readonly emit: Emit
  /** @throws ProxyError when there is none. */
  readonly gateOf: (holder: Holder) => Gate
  /** Called once. */
  readonly onEnd: (reason: string) => void
}

/** From its start until it serves. */
const START_MS = 30_000
/** How often it is asked for a sign of life, and how many times in vain. */
const LOOK_EVERY_MS = 10_000
const SILENT_LOOKS = 3
/** For the last lines of the log. */
const ABORT_MS = 2_000
/** Who asks for what it does does not wait longer. */
const ANSWER_MS = 1_000

/** One worker: the connections that it has, the logons that it makes, and whether it is alive. */
export class Member {
  readonly serves: Promise<void>
  #isServing = false
  #inProgress = 0
  #snapshot: WorkerSnapshot
  readonly #options: MemberOptions
  readonly #desk: GateDesk
  readonly #clients = new Map<number, () => void>()
  readonly #nextClient = countFrom()
  readonly #nextQuestion = countFrom()
  readonly #looks = new Map<number, () => void>()
  readonly #onDrained: (() => void)[] = []
  #onServing: () => void = () => undefined
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
    this.#timer = clock.setTimer(START_MS, () => channel.kill())
    channel.onMessage(message => this.#receive(message))
    channel.onEnd(reason => this.#end(reason))
  }

  get pid(): number {
    return this.#options.channel.pid
  }

  get isServing(): boolean {
    return this.#isServing
  }

  /** Connections of clients. */
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

  hand(socket: Socket, served: Served, onClosed: () => void): void {
    const client = this.#nextClient()
    this.#clients.set(client, onClosed)
    this.#options.channel.send({ type: 'client', client, served }, socket)
  }

  /** Brings the snapshot up to date, if it answers soon. */
  async look(wants: 'counts' | 'work'): Promise<void> {
    if (!this.#isServing) return
    const question = this.#nextQuestion()
    await new Promise<void>(resolve => {
      const timer = this.#options.clock.setTimer(ANSWER_MS, () => {
        this.#looks.delete(question)
        resolve()
      })
      this.#looks.set(question, () => {
        timer.cancel()
        resolve()
      })
      this.send({ type: 'look', question, wants })
    })
  }

  /** Resolves when it has nothing left to do. */
  async drain(): Promise<void> {
    if (this.#hasEnded) return
    await new Promise<void>(resolve => {
      this.#onDrained.push(resolve)
      this.send({ type: 'drain' })
    })
  }

  /** Ends all that is open; a drain ends then, whatever it does. */
  abort(): void {
    this.send({ type: 'abort' })
    this.#options.clock.setTimer(ABORT_MS, () => this.#settleDrains())
  }

  close(): void {
    this.#timer.cancel()
    this.#isServing = false
    this.#options.channel.close()
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'serving':
        this.#isServing = true
        this.#onServing()
        this.#watch()
        break
      case 'report':
        this.#inProgress = message.inProgress
        for (const client of message.closed) this.#release(client)
        for (const event of message.events) this.#options.emit(event)
        break
      case 'snapshot':
        this.#snapshot = message.snapshot
        this.#unanswered = 0
        this.#looks.get(message.question)?.()
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

  /** One that hangs is worse than none: its clients wait. */
  #watch(): void {
    this.#timer.cancel()
    this.#timer = this.#options.clock.setTimer(LOOK_EVERY_MS, () => {
      if (this.#unanswered >= SILENT_LOOKS) return this.#options.channel.kill()
      this.#unanswered++
      void this.look('counts')
      this.#watch()
    })
  }

  #release(client: number): void {
    this.#clients.get(client)?.()
    this.#clients.delete(client)
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
    for (const client of [...this.#clients.keys()]) this.#release(client)
    for (const resolve of this.#looks.values()) resolve()
    this.#settleDrains()
    this.#onServing()
    this.#options.onEnd(reason)
  }
}
