import { type AcceptorOptions, NtlmAcceptor, type Verdict } from '../../src/demo/index.ts'
import { fieldValues } from '../harness/content.ts'
import {
  type Demand,
  type Script,
  type ScriptedConnection,
  type ScriptedUpstream,
  startScriptedUpstream,
  tokenOf,
} from '../harness/scripted-upstream.ts'

export const ACCOUNT = { user: 'alice', domain: 'CORP', password: 'wonder-4711' } as const

/** A request as it arrived at an upstream or an origin, byte for byte (Latin-1). */
export interface Arrived {
  /** Counted from 1. */
  readonly connection: number
  /** Without the empty line. */
  readonly head: string
  readonly body: string
  readonly trailers: string
  /** It came without credentials and was answered with a demand for a logon. */
  isDemanded: boolean
}

/** Who answers behind the logon. */
export type Answer = (conn: ScriptedConnection, request: Arrived) => void | Promise<void>

/** What old proxies said, and what cntlm wants to see before it keeps a connection. */
export const KEEPS = ['Proxy-Connection: keep-alive', 'Connection: keep-alive'] as const

export const sayHello: Answer = (conn, { head }) =>
  conn.respond('200 OK', head.startsWith('HEAD ') ? '' : 'hello', [
    'Content-Type: text/plain',
    ...KEEPS,
  ])

/** A server that plays one script after the other and keeps what arrives. Each of the two programs has one of its own. */
export class House {
  readonly arrived: Arrived[] = []
  readonly verdicts: Verdict[] = []
  /** The NEGOTIATE and AUTHENTICATE messages, in their order. */
  readonly tokens: Buffer[] = []
  /** What the next connection will see. */
  script: Script
  answer: Answer = sayHello
  readonly #usual: Script
  #server: ScriptedUpstream | undefined

  private constructor(play: (house: House) => Script) {
    this.#usual = play(this)
    this.script = this.#usual
  }

  /** @param play what each connection sees unless a case says otherwise */
  static async start(play: (house: House) => Script): Promise<House> {
    const house = new House(play)
    house.#server = await startScriptedUpstream(conn => house.script(conn))
    return house
  }

  get port(): number {
    return this.#server?.port ?? 0
  }

  /** Logons count only in the era in which they happened. */
  era = 1

  /** Every connection has to log on anew. */
  expire(): void {
    this.era++
  }

  /** Ends every connection, so that there is no session to lend. */
  hangUp(): void {
    for (const { socket } of this.#server?.connections ?? []) socket.destroy()
  }

  /** Nothing has arrived, and all is as usual; open connections stay. */
  reset(): void {
    for (const list of [this.arrived, this.verdicts, this.tokens]) list.splice(0)
    this.answer = sayHello
    this.script = this.#usual
  }

  /** What arrived since the last call. */
  take(): Arrived[] {
    return this.arrived.splice(0)
  }

  /** The next request with its body, recorded; undefined when the connection ends instead. */
  async next(conn: ScriptedConnection): Promise<Arrived | undefined> {
    const head = await conn.nextHead()
    if (head === undefined) return undefined
    const { body, trailers } = await conn.readContent(head)
    const request: Arrived = {
      connection: conn.number,
      head,
      body: body.toString('latin1'),
      trailers,
      isDemanded: false,
    }
    this.arrived.push(request)
    return request
  }

  async close(): Promise<void> {
    await this.#server?.close()
  }
}

/** tsntlm's own request to find out about an upstream; no client has asked for it. */
export function isLogonCheck(head: string): boolean {
  return head.startsWith('GET http://255.255.255.255/ ')
}

/** Answers everything, and asks nobody who he is. */
export function serveOpenly(house: House): Script {
  return async conn => {
    for (;;) {
      const request = await house.next(conn)
      if (request === undefined) return
      await house.answer(conn, request)
      if (conn.socket.destroyed || conn.socket.writableEnded) return
    }
  }
}

/** A 407 that can follow this request. */
function demandFor(head: string, connectionLines: readonly string[]): Demand {
  if (isLast(head)) return { bodyStyle: 'close' }
  return head.startsWith('HEAD ') ? { connectionLines, bodyStyle: 'none' } : { connectionLines }
}

/** Whether the connection ends with the answer, as with every HTTP/1.0 server that is not told otherwise. */
function isLast(head: string): boolean {
  const wishes = [...fieldValues(head, 'connection'), ...fieldValues(head, 'proxy-connection')]
  return / HTTP\/1\.0\r/.test(head) && !wishes.some(wish => /keep-alive/i.test(wish))
}

export interface Demands extends Partial<AcceptorOptions> {
  /** Fields about the connection in every 407. */
  readonly connectionLines?: readonly string[]
}

/** Demands NTLM on each connection, then answers. */
export function demandNtlm(house: House, demands: Demands = {}): Script {
  const { connectionLines = KEEPS, ...options } = demands
  return async conn => {
    const acceptor = new NtlmAcceptor({
      accounts: [ACCOUNT],
      allowOlderDialects: true,
      sendTimestamp: false,
      ...options,
    })
    let loggedOnAt = 0
    for (;;) {
      const request = await house.next(conn)
      if (request === undefined) return
      const demand = demandFor(request.head, connectionLines)
      const [credentials] = fieldValues(request.head, 'proxy-authorization')
      if (credentials !== undefined) {
        const token = tokenOf(request.head)
        house.tokens.push(token)
        if (token[8] === 1) {
          const challenge = acceptor.challenge(token).toString('base64')
          await conn.demand({ ...demand, schemes: [`NTLM ${challenge}`] })
          if (conn.socket.writableEnded) return
          continue
        }
        const verdict = acceptor.verify(token)
        house.verdicts.push(verdict)
        if (verdict.ok) loggedOnAt = house.era
      }
      if (loggedOnAt !== house.era) {
        request.isDemanded = credentials === undefined
        await conn.demand(demand)
        if (conn.socket.writableEnded) return
        continue
      }
      if (isLogonCheck(request.head)) conn.respond('403 Forbidden', '', KEEPS)
      else await house.answer(conn, request)
      if (conn.socket.destroyed || conn.socket.writableEnded) return
    }
  }
}
