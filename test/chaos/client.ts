import { open } from './dial.ts'
import { exchange } from './plain-client.ts'
import { isStreamKind, type Plan, type Seen } from './plan.ts'
import { stream } from './stream-client.ts'
import type { Wire } from './wire.ts'

/** Where everything is. */
export interface Ports {
  readonly port: number
  readonly socksPort: number
  readonly origin: { readonly port: number; readonly tlsPort: number }
}

/** Makes transfers and tells what came of them. */
export class Client {
  readonly #ports: Ports
  readonly #kept: Wire[] = []

  constructor(ports: Ports) {
    this.#ports = ports
  }

  /** Ends when the transfer has, or when `signal` gives it up. */
  async run(plan: Plan, signal: AbortSignal): Promise<Seen> {
    const seen: Seen = {
      failure: undefined,
      received: 0,
      isEqual: true,
      isWhole: false,
      answerOf: undefined,
      left: false,
    }
    const kept = isStreamKind(plan.kind) || !plan.keepAlive ? undefined : this.#kept.pop()
    if (kept !== undefined && (await this.#on(kept, plan, seen, signal))) return seen
    seen.failure = undefined
    await this.#on(await this.#open(plan), plan, seen, signal)
    return seen
  }

  /** @returns false when a kept connection had been closed meanwhile and another one has to be tried (RFC 9112 section 9.3.1). */
  async #on(wire: Wire, plan: Plan, seen: Seen, signal: AbortSignal): Promise<boolean> {
    const target = this.#target(plan)
    const giveUp = (): void => wire.reset()
    signal.addEventListener('abort', giveUp)
    const { failure, keeps } = isStreamKind(plan.kind)
      ? { failure: await stream(wire, plan, target, seen), keeps: false }
      : await exchange(wire, plan, target, seen)
    signal.removeEventListener('abort', giveUp)
    if (keeps && plan.keepAlive && failure === undefined && !seen.left) this.#kept.push(wire)
    else wire.end()
    seen.failure = failure
    const isRepeatable = plan.method !== 'POST' && !seen.left && !signal.aborted
    return !(isRepeatable && failure?.startsWith('no answer') === true)
  }

  #open({ kind }: Plan): Promise<Wire> {
    return open(kind === 'socks5' ? this.#ports.socksPort : this.#ports.port)
  }

  /** Ends the connections that are kept for further requests. */
  close(): void {
    for (const wire of this.#kept.splice(0)) wire.end()
  }

  /** The name tells the upstream which transfer it is. */
  #target({ id, kind, route }: Plan): string {
    const { port, tlsPort } = this.#ports.origin
    if (route === 'direct') return `127.0.0.1:${kind === 'tls' ? tlsPort : port}`
    return `t${id}.origin.test:${kind === 'tls' ? 443 : 80}`
  }
}
