import { createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { TLSSocket } from 'node:tls'
import { close, listen, type Listening } from './listening.ts'
import { encode, framingLine, framingOf, type Head, readBody, readHead } from './messages.ts'
import { type Attempt, cutOf, type Plan } from './plan.ts'
import { Comparison, contentOf } from './random.ts'
import { send } from './send.ts'
import { SHARED_KEY, TLS_OPTIONS } from './tls-psk.ts'
import { Wire } from './wire.ts'

/** How long an early answer waits for a client that goes on sending before it resets. */
const EARLY_MS = 50

/** The web server and the peer of tunnels: it does for each transfer what the plan says, and writes down what it saw. */
export class Origin {
  /** What goes on, by number. */
  readonly plans = new Map<number, Plan>()
  readonly attempts = new Map<number, Attempt[]>()
  #clear: Listening | undefined
  #tls: Listening | undefined

  async start(): Promise<void> {
    const serve = (isTls: boolean) =>
      createServer({ allowHalfOpen: true }, socket => void this.serve(socket, isTls))
    this.#clear = await listen(serve(false))
    this.#tls = await listen(serve(true))
  }

  async stop(): Promise<void> {
    await Promise.all([this.#clear, this.#tls].map(close))
  }

  get port(): number {
    return this.#clear!.port
  }

  get tlsPort(): number {
    return this.#tls!.port
  }

  /** A connection of its own, or what a tunnel leads to. */
  async serve(socket: Socket, isTls: boolean): Promise<void> {
    const wire = isTls ? new Wire(tlsServer(socket), socket) : new Wire(socket)
    socket.on('error', () => undefined)
    await this.converse(wire)
    wire.end()
  }

  /** One stream, or requests until one of them ends the connection. */
  async converse(wire: Wire): Promise<void> {
    for (;;) {
      const first = await wire.until('\n')
      if (first === undefined) return
      const stream = /^T ([0-9]+)\n$/.exec(first)?.[1]
      if (stream !== undefined) return this.#stream(wire, Number(stream))
      const head = await readHead(wire, first)
      if (head === undefined || !(await this.answer(wire, head))) return
    }
  }

  /** @returns whether the connection can serve another request. */
  async answer(wire: Wire, head: Head): Promise<boolean> {
    const plan = this.plans.get(Number(/\/t\/([0-9]+)/.exec(head.first)?.[1]))
    if (plan === undefined) {
      await wire.write('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')
      return true
    }
    if (plan.kind === 'websocket') {
      await wire.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      )
      await this.converse(wire)
      return false
    }
    return this.#record(plan, attempt => this.#exchange(wire, head, plan, attempt))
  }

  async #exchange(wire: Wire, head: Head, plan: Plan, attempt: Attempt): Promise<boolean> {
    const upload = new Comparison(contentOf(plan.id, 'up', plan.upload))
    if (plan.fault === 'origin-answers-early') return answerEarly(wire, plan)
    attempt.uploadIsWhole = await readBody(wire, framingOf(head, 'none'), upload.add)
    attempt.uploaded = upload.received
    attempt.uploadIsEqual = upload.isEqual
    if (!attempt.uploadIsWhole) return false
    const framing =
      plan.kind === 'plain-length' ? 'length' : plan.kind === 'plain-close' ? 'close' : 'chunked'
    const lines = [
      'HTTP/1.1 200 OK',
      ...(plan.fault === 'origin-answers-malformed' ? [MALFORMED[plan.id % MALFORMED.length]] : []),
      `X-Transfer: ${plan.id}`,
      framingLine(framing, plan.download),
    ]
    const answer = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
    if (plan.fault === 'origin-resets-mid-head') {
      await wire.write(answer.subarray(0, cutOf(plan, answer.length)))
      wire.reset()
      attempt.ended = 'reset'
      return false
    }
    await wire.write(answer)
    const { bytes, contentIn } = encode(contentOf(plan.id, 'down', plan.download), framing)
    const { sent, outcome } = await send(wire, bytes, plan, 'origin')
    attempt.sent = contentIn(sent)
    if (outcome === 'lost') return false
    attempt.ended = outcome === 'reset' ? 'reset' : 'fin'
    if (framing !== 'close' && outcome === 'whole') return true
    if (outcome !== 'reset') wire.end()
    return false
  }

  async #stream(wire: Wire, id: number): Promise<void> {
    const plan = this.plans.get(id)
    if (plan === undefined) return wire.reset()
    await this.#record(plan, async attempt => {
      const upload = new Comparison(contentOf(id, 'up', plan.upload))
      const uploading = async (): Promise<void> => {
        attempt.uploadIsWhole = await readBody(
          wire,
          { kind: 'length', length: plan.upload },
          upload.add,
        )
        attempt.uploaded = upload.received
        attempt.uploadIsEqual = upload.isEqual
      }
      const downloading = async (): Promise<void> => {
        const { sent, outcome } = await send(
          wire,
          contentOf(id, 'down', plan.download),
          plan,
          'origin',
        )
        attempt.sent = sent
        if (outcome === 'lost') return
        attempt.ended = outcome === 'reset' ? 'reset' : 'fin'
        if (outcome !== 'reset') wire.end()
      }
      if (plan.fault === 'origin-half-closes') await downloading()
      await uploading()
      // A client that half-closes waits for its download, one that leaves has no use for it.
      if (plan.fault === 'client-half-closes') await wire.drain()
      if (plan.fault !== 'origin-half-closes') {
        if (attempt.uploadIsWhole) await downloading()
        else wire.end()
      }
      attempt.clientEnding = await wire.drain()
    })
  }

  async #record<T>(plan: Plan, work: (attempt: Attempt) => Promise<T>): Promise<T> {
    let finish: () => void = () => undefined
    const done = new Promise<void>(resolve => (finish = resolve))
    const attempt: Attempt = {
      uploaded: 0,
      uploadIsEqual: true,
      uploadIsWhole: false,
      clientEnding: undefined,
      sent: 0,
      ended: undefined,
      done,
    }
    this.attempts.set(plan.id, [...(this.attempts.get(plan.id) ?? []), attempt])
    try {
      return await work(attempt)
    } finally {
      finish()
    }
  }
}

/** Lines in a head that no client can be given. */
const MALFORMED = [
  'Set-Cookie: a=\x00b',
  'no field at all',
  'Content-Length: 1\r\nContent-Length: 22',
  ' folded: into nothing',
  'X-Space : before the colon',
] as const

/** A refusal before the body has come, and a reset for a client that goes on sending. */
async function answerEarly(wire: Wire, { id }: Plan): Promise<boolean> {
  const text = 'too much'
  await wire.write(
    `HTTP/1.1 413 Content Too Large\r\nX-Transfer: ${id}\r\nConnection: close\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
  )
  wire.end()
  await sleep(EARLY_MS)
  wire.reset()
  return false
}

function tlsServer(socket: Socket): TLSSocket {
  // tls.Server hands it over so; the types know it there alone.
  const options = { ...TLS_OPTIONS, isServer: true, pskCallback: () => SHARED_KEY }
  return new TLSSocket(socket, options)
}
