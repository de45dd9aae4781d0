import { createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Weather } from './faults.ts'
import { close, listen, type Listening } from './listening.ts'
import { framingOf, type Head, readBody, readHead } from './messages.ts'
import { challengeMessage, messageType } from './ntlm.ts'
import type { Origin } from './origin.ts'
import { Wire } from './wire.ts'

const CHALLENGE = challengeMessage()
const PAGE = '<html>A logon is wanted.</html>'
const VERDICT_MS = 250
const IDLE_MS = 20

/** Decides what becomes of a request that is logged on, in place of the origin. @returns false when it is the origin's. */
export type Override = (wire: Wire, head: Head) => Promise<boolean>

/** A proxy that demands NTLM of each connection and accepts every answer. What it carries is served by the origin in place. */
export class ChaosUpstream {
  readonly #origin: Origin
  /** What it does to the next connection. */
  weather: () => Weather | undefined = () => undefined
  override: Override = () => Promise.resolve(false)
  connections = 0
  #listening: Listening | undefined

  constructor(origin: Origin) {
    this.#origin = origin
  }

  async start(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, socket => {
      this.connections++
      socket.on('error', () => undefined)
      void this.#serve(socket, this.weather(), this.connections % 2 === 0 ? 1 : 3)
    })
    this.#listening = await listen(server)
  }

  async stop(): Promise<void> {
    await close(this.#listening)
  }

  get port(): number {
    return this.#listening!.port
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#listening!.sockets.size
  }

  /** @param resetAt the message that `resets-in-handshake` leaves unanswered. */
  async #serve(socket: Socket, weather: Weather | undefined, resetAt: number): Promise<void> {
    if (weather === 'resets-at-accept') return void socket.resetAndDestroy()
    const wire = new Wire(socket)
    if (await this.#logOn(wire, weather, resetAt)) {
      for (;;) {
        const head = await nextHead(wire, weather)
        if (head === undefined || !(await this.#answer(wire, head))) break
        if (weather === 'closes-after-answer') break
      }
    }
    wire.end()
  }

  /** Serves the first request too. @returns whether the connection goes on. */
  async #logOn(wire: Wire, weather: Weather | undefined, resetAt: number): Promise<boolean> {
    for (;;) {
      const head = await readHead(wire)
      if (head === undefined) return false
      const type = messageType(head.fields.get('proxy-authorization'))
      if (type === resetAt && weather === 'resets-in-handshake') {
        wire.reset()
        return false
      }
      if (type === 3) {
        if (weather === 'slow-verdict') await sleep(VERDICT_MS)
        return (await this.#answer(wire, head)) && weather !== 'closes-after-answer'
      }
      const closes = type === 0 && weather === 'closes-after-407'
      if (!(await readBody(wire, framingOf(head, 'none'), () => undefined))) return false
      await wire.write(
        [
          'HTTP/1.1 407 Proxy Authentication Required',
          `Proxy-Authenticate: NTLM${type === 1 ? ` ${CHALLENGE}` : ''}`,
          `Connection: ${closes ? 'close' : 'keep-alive'}`,
          `Content-Length: ${PAGE.length}`,
          '',
          head.first.startsWith('HEAD ') ? '' : PAGE,
        ].join('\r\n'),
      )
      if (closes) return false
    }
  }

  async #answer(wire: Wire, head: Head): Promise<boolean> {
    // The logon check of the program under test.
    if (head.first.includes('//255.255.255.255/')) return refuse(wire, '503 Service Unavailable')
    if (await this.override(wire, head)) return false
    const [, , transfer] = /^(\S+) (?:http:\/\/)?t([0-9]+)\./.exec(head.first) ?? []
    const plan = this.#origin.plans.get(Number(transfer))
    if (plan?.fault === 'upstream-resets-mid-request') {
      wire.reset()
      return false
    }
    if (plan?.fault === 'upstream-answers-502') {
      await readBody(wire, framingOf(head, 'none'), () => undefined)
      return refuse(wire, '502 Bad Gateway')
    }
    if (!head.first.startsWith('CONNECT ')) return this.#origin.answer(wire, head)
    await wire.write('HTTP/1.1 200 Connection established\r\n\r\n')
    if (/:443 HTTP/.test(head.first)) await this.#origin.serve(wire.release(), true)
    else await this.#origin.converse(wire)
    return false
  }
}

/** With `closes-idle` the connection is given up when nothing comes for a moment. */
async function nextHead(wire: Wire, weather: Weather | undefined): Promise<Head | undefined> {
  if (weather !== 'closes-idle') return readHead(wire)
  const waiting = new AbortController()
  const idle = sleep(IDLE_MS, undefined, { signal: waiting.signal }).catch(() => undefined)
  const next = readHead(wire)
  const first = await Promise.race([next, idle])
  waiting.abort()
  return first
}

async function refuse(wire: Wire, status: string): Promise<boolean> {
  const text = `${status}, says the upstream`
  await wire.write(`HTTP/1.1 ${status}\r\nContent-Length: ${text.length}\r\n\r\n${text}`)
  return true
}
