import type { Clock, Emit, ProxyEvent } from '../core/index.ts'
import { type AdminServer, openAdminServer } from './admin-server.ts'
import { EventStream } from './event-stream.ts'
import { History } from './history.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { readPageScripts } from './page-scripts.ts'
import type { Snapshot, StatusView, WorkView } from './page/status-view.ts'
import { Pages } from './pages.ts'
import { type AdminPlace, describePlace } from './place.ts'
import { readinessOf } from './readiness.ts'

export interface AdminOptions {
  readonly clock: Clock
  /** The version of node, for tsntlm_build_info. */
  readonly nodeVersion: string
  readonly status: () => StatusView
  /** Requests and tunnels that are open, in any order. */
  readonly work: () => readonly WorkView[]
  readonly emit: Emit
  /** Brings status and work up to date where they come from other processes. */
  readonly look: () => Promise<void>
  /** Default: the scripts that the build makes. */
  readonly readScripts?: () => ReadonlyMap<string, string>
}

/** A place that is bound, and not served from until it is settled what becomes of it. */
export interface AdminMove {
  /** The new place serves, the old one is closed. */
  commit(): void
  /** All is as before. */
  undo(): void
}

/** It is answered as fast as this process can answer anything. */
const ALIVE = '/livez'

/** Of what is open so much is shown: a page with ten thousand rows would help nobody. */
const MAX_WORK = 100

/** Metrics, health and the status page, at the place that the configuration names. */
export class Admin {
  readonly #options: AdminOptions
  readonly #history: History
  readonly #events: EventStream
  #metrics: Metrics | undefined
  #pages: Pages | undefined
  #server: { readonly key: string; readonly server: AdminServer } | undefined

  constructor(options: AdminOptions) {
    const { clock, status } = options
    this.#options = options
    this.#events = new EventStream({
      clock,
      snapshot: () => {
        // For the next one.
        void options.look()
        return this.#snapshot()
      },
      past: () => this.#history.samples,
    })
    this.#history = new History({
      clock,
      status,
      onSample: sample => this.#events.send('sample', sample),
    })
  }

  /** Counts an event, once there was a place to show it. */
  observe(event: ProxyEvent): void {
    this.#metrics?.observe(event)
  }

  /**
   * Binds the place, if it is another one than before; undefined is none.
   * @param names what this host is called, as it may stand in Host besides its addresses.
   * @throws the system's error when it cannot be bound: all is as before then.
   */
  async moveTo(place: AdminPlace | undefined, names: readonly string[]): Promise<AdminMove> {
    const key = place === undefined ? undefined : describePlace(place)
    const before = this.#server
    if (key === before?.key) return { commit: () => undefined, undo: () => undefined }
    const server = place === undefined ? undefined : await this.#open(place, names)
    return {
      commit: () => {
        this.#close()
        if (key === undefined || server === undefined) return
        this.#server = { key, server }
        this.#history.start()
        this.#options.emit({ type: 'admin.opened', address: key })
      },
      undo: () => server?.close(),
    }
  }

  /** Stops serving, at once. */
  close(): void {
    this.#events.close()
    this.#close()
  }

  #close(): void {
    if (this.#server === undefined) return
    this.#history.stop()
    this.#server.server.close()
    this.#options.emit({ type: 'admin.closed', address: this.#server.key })
    this.#server = undefined
  }

  async #open(place: AdminPlace, names: readonly string[]): Promise<AdminServer> {
    const { emit, look } = this.#options
    const pages = (this.#pages ??= await this.#makePages())
    return await openAdminServer({
      place,
      names,
      handle: async (path, response) => {
        if (path !== ALIVE) await look()
        await pages.serve(path, response)
      },
      onBug: error => emit({ type: 'bug', error }),
    })
  }

  async #makePages(): Promise<Pages> {
    const { nodeVersion, readScripts = readPageScripts } = this.#options
    const scripts = readScripts()
    const metrics = await createMetrics(nodeVersion)
    this.#metrics = metrics
    return new Pages({ snapshot: () => this.#snapshot(), metrics, events: this.#events, scripts })
  }

  #snapshot(): Snapshot {
    const { clock, status, work } = this.#options
    const present = status()
    return {
      at: clock.wallMs(),
      status: present,
      readiness: readinessOf(present),
      work: [...work()].sort((a, b) => b.startedAt - a.startedAt).slice(0, MAX_WORK),
    }
  }
}
