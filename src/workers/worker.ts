import type { Socket } from 'node:net'
import type { Served } from '../config/index.ts'
import type { Clock, Entropy } from '../core/index.ts'
import { peerOf } from '../net/index.ts'
import { memoryGuardStore, Serving, snapshotsOf, type WorkerSnapshot } from '../service/index.ts'
import { Courier } from './courier.ts'
import { GateLine } from './far-gate.ts'
import { FarLogons } from './far-logons.ts'
import type { FromWorker, ToWorker } from './messages.ts'
import { unpackInput } from './packed-input.ts'

export interface WorkerOptions {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly pid: number
  readonly post: (message: FromWorker) => void
}

type Configure = Extract<ToWorker, { type: 'configure' }>

/** Serves clients handed over by the parent process, with the configuration and under the guards of that process. */
export class Worker {
  readonly #options: WorkerOptions
  readonly #courier: Courier
  readonly #line: GateLine
  readonly #logons: FarLogons
  #serving: Serving | undefined

  constructor(options: WorkerOptions) {
    const { clock, entropy, post } = options
    this.#options = options
    this.#courier = new Courier({ clock, post, inProgress: () => this.#serving?.size ?? 0 })
    this.#line = new GateLine(clock, post)
    this.#logons = new FarLogons(this.#line, { clock, entropy })
  }

  /** @param socket the socket of a client. */
  receive(message: ToWorker, socket: Socket | undefined): void {
    switch (message.type) {
      case 'configure':
        this.#configure(message)
        break
      case 'client':
        this.#accept(message.client, message.served, socket)
        break
      case 'guard':
        this.#logons.learn(message.own)
        break
      case 'answer':
        this.#line.receive(message)
        break
      case 'news':
        this.#serving?.learn(message.news)
        break
      case 'look':
        // Send pending events first, so that they are counted in it.
        this.#courier.flush()
        this.#options.post({
          type: 'snapshot',
          question: message.question,
          snapshot: this.#look(message.wants),
        })
        break
      case 'drain':
        void this.#drain()
        break
      case 'abort':
        this.destroy()
    }
  }

  /** Ends all requests and tunnels now. */
  destroy(): void {
    this.#serving?.destroy()
  }

  #configure({ input: packed, names, own }: Configure): void {
    const { clock, entropy, post } = this.#options
    const input = unpackInput(packed)
    this.#logons.expect(own)
    if (this.#serving !== undefined) return this.#serving.change(input)
    this.#serving = new Serving(input, {
      clock,
      entropy,
      emit: event => this.#courier.emit(event),
      // The guards are in the parent process.
      guardStore: memoryGuardStore(),
      logons: this.#logons,
      names,
    })
    post({ type: 'serving' })
  }

  /** A connection closed in transit arrives without a socket, or without an address. */
  #accept(client: number, served: Served, socket: Socket | undefined): void {
    this.#options.post({ type: 'taken', client })
    const frontend = this.#serving?.frontends.frontendFor(served)
    if (socket === undefined || frontend === undefined) return this.#courier.closed(client)
    socket.once('close', () => this.#courier.closed(client))
    const peer = peerOf(socket)
    if (peer === undefined) return void socket.destroy()
    // Otherwise a client that has half-closed would get no response.
    socket.allowHalfOpen = true
    frontend.accept(socket, peer)
  }

  #look(wants: 'counts' | 'work'): WorkerSnapshot {
    const { generation, size = 0, work = [] } = this.#serving ?? {}
    const { clock, pid } = this.#options
    const tunnels = work.filter(({ kind }) => kind === 'tunnel').length
    return {
      pid,
      upstreams: generation === undefined ? [] : snapshotsOf(generation.upstreams, clock),
      requests: size - tunnels,
      tunnels,
      work: wants === 'work' ? work : [],
    }
  }

  async #drain(): Promise<void> {
    await this.#serving?.drain()
    this.#courier.flush()
    this.#options.post({ type: 'drained' })
  }
}
