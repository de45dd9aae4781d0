import type t from 'tap'
import { type Config, DEFAULTS, type ListenAddress } from '../../src/config/index.ts'
import {
  type CancelSignal,
  formatHostPort,
  type HostPort,
  parseHostPort,
  ProxyError,
  Secret,
  systemEntropy,
} from '../../src/core/index.ts'
import { ConnectionGate, describeToken } from '../../src/demo/connection-gate.ts'
import type { NtlmAccount } from '../../src/demo/index.ts'
import type { DialOptions } from '../../src/net/index.ts'
import { credentialsFromPassword } from '../../src/ntlm/index.ts'
import type { Frontend } from '../../src/proxy/index.ts'
import {
  buildGeneration,
  type BuildInput,
  Frontends,
  type Generation,
  type GuardStore,
  memoryGuardStore,
  type Ports,
} from '../../src/service/index.ts'
import { type Content, fieldValues } from './content.ts'
import { EventRecorder } from './event-recorder.ts'
import { FakeClock } from './fake-clock.ts'
import { RawClient, type RawResponse } from './http-client.ts'
import { type Demand, type Script, ScriptedConnection } from './scripted-upstream.ts'
import { WireEnd } from './wire.ts'

type Test = Pick<typeof t, 'teardown'>

export const BOB = { user: 'bob', domain: 'DEMO', password: 'builder' }

export const ALICE = { user: 'alice', domain: 'DEMO', password: 'wonderland' }

/** The address of the upstream where a test has no more than one. */
export const PROXY = 'proxy.test:8080'

/** What a dial leads to: a script at the other end, or no connection, at once or never, or for want of descriptors here. */
export type Reached = Script | 'refuses' | 'swallows' | 'exhausts'

export interface PlaybookOptions {
  /** By `host:port`; everything else refuses. May be changed while the test runs. */
  readonly hosts: Record<string, Reached>
  /** Default: those of `hosts` whose name begins with `proxy`, in order. */
  readonly upstreams?: readonly string[]
  readonly config?: Partial<Config>
  readonly password?: string
  readonly guardStore?: GuardStore
  readonly clock?: FakeClock
  /** Stands in for the script of Pac. */
  readonly openPac?: Ports['openPac']
  /** Default: the account with its password, in a configuration that was never changed. */
  readonly input?: Omit<BuildInput, 'config'>
}

/** The whole proxy in memory: clients and upstreams are ends of wires, time is the test's. */
export class Playbook {
  readonly clock: FakeClock
  readonly recorder = new EventRecorder()
  readonly hosts: Record<string, Reached>
  readonly generation: Generation
  readonly frontends: Frontends
  /** Every dial, whatever came of it. */
  readonly dials: string[] = []
  readonly connections: ScriptedConnection[] = []
  /** Why scripts broke off. */
  readonly failures: Error[] = []
  readonly #connectTimeoutMs: number
  #clients = 0
  #isOver = false

  constructor(test: Test, options: PlaybookOptions) {
    const { clock = new FakeClock(), guardStore = memoryGuardStore(), hosts } = options
    const upstreams = options.upstreams ?? Object.keys(hosts).filter(key => key.startsWith('proxy'))
    const config: Config = {
      ...DEFAULTS,
      // What goes over the wires is the matter of most tests, so nothing does unasked.
      warm: 'off',
      upstreams: upstreams.flatMap(text => parseHostPort(text) ?? []),
      ...options.config,
    }
    this.clock = clock
    this.hosts = hosts
    this.#connectTimeoutMs = config.connectTimeoutMs
    const credentials = credentialsFromPassword({
      user: ALICE.user,
      domain: ALICE.domain,
      workstation: 'CLIENT',
      dialect: 'NTLMv2',
      password: new Secret(options.password ?? ALICE.password),
    })
    this.generation = buildGeneration(
      { config, credentials, configChangedAtMs: 0, ...options.input },
      {
        clock,
        entropy: systemEntropy,
        emit: this.recorder.emit,
        guardStore,
        ...(options.openPac === undefined ? {} : { openPac: options.openPac }),
        dialer: { dial: (to, dialOptions) => this.#dial(to, dialOptions) },
      },
    )
    this.frontends = new Frontends(
      () => this.generation.deps,
      () => config,
    )
    test.teardown(() => this.destroy())
  }

  /** A port where something else than HTTP is spoken. */
  port(serves: ListenAddress['serves']): Frontend {
    return this.frontends.frontendFor(serves)
  }

  /** A client of this address; its connection is accepted at once. */
  client(address = '127.0.0.1', port: Frontend = this.frontends.http): RawClient<WireEnd> {
    const [near, far] = WireEnd.pair()
    near.on('error', () => undefined)
    port.accept(far, { address, port: 40_000 + ++this.#clients })
    return new RawClient(near)
  }

  /** One GET on a connection of its own. */
  async get(url: string, fieldLines: readonly string[] = []): Promise<RawResponse> {
    const client = this.client()
    const response = await client.request(getRequest(url, fieldLines))
    client.destroy()
    return response
  }

  /** What the upstreams were sent, in the order of the connections: `GET`, `GET type 1`, `CONNECT type 3` ... */
  get requests(): string[] {
    return this.connections.flatMap(connection => connection.heads.map(describeRequest))
  }

  /** How many AUTHENTICATEs were ever put on a wire. */
  get type3s(): number {
    return this.requests.filter(text => text.endsWith('type 3')).length
  }

  /** Waits for something that happens by itself, without time passing. */
  async until(condition: () => boolean): Promise<void> {
    for (let turns = 0; turns < 5_000; turns++) {
      if (condition()) return
      await new Promise(resolve => setImmediate(resolve))
    }
    throw new Error(`Waited in vain for ${condition.toString()}`)
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < 25; turns++) await new Promise(resolve => setImmediate(resolve))
  }

  /** Moves time on in steps, so that what a timer starts can go on at its own time. */
  async pass(ms: number, steps = 10): Promise<void> {
    for (let step = 0; step < steps; step++) {
      this.clock.advance(ms / steps)
      await this.settle()
    }
  }

  /** Moves time on for as long as something takes, and tells its result. */
  async passUntil<T>(result: Promise<T>, stepMs = 250): Promise<T> {
    const pending = new Set([result])
    const settled = (): boolean => pending.delete(result)
    result.then(settled, settled)
    await this.settle()
    while (pending.size > 0) await this.pass(stepMs, 1)
    return await result
  }

  /** Sessions, by pool of the upstreams. */
  get counts() {
    return this.generation.upstreams.configured.map(upstream => upstream.counts)
  }

  /** Requests that are being served and sessions that are not idle. */
  get open(): number {
    const busy = this.counts.map(counts => counts.busy + counts.connecting + counts.waiting)
    const requests = this.frontends.all.map(frontend => frontend.requestsInProgress)
    return [...busy, ...requests].reduce((sum, count) => sum + count, 0)
  }

  destroy(): void {
    this.#isOver = true
    for (const frontend of this.frontends.all) frontend.destroy()
    this.generation.upstreams.destroy()
    this.generation.directRoutes.destroy()
    for (const { socket } of this.connections) socket.destroy()
  }

  async #dial(to: HostPort, { signal, permits }: DialOptions): Promise<WireEnd> {
    const label = formatHostPort(to)
    this.dials.push(label)
    if (permits?.(to.host) === false) throw new ProxyError('ROUTE_DENIED', { detail: label })
    const reached = this.hosts[label] ?? 'refuses'
    if (reached === 'refuses') throw new ProxyError('DIAL_REFUSED', { detail: label })
    if (reached === 'exhausts') throw new ProxyError('NO_DESCRIPTORS', { detail: label })
    if (reached === 'swallows') return await this.#neverConnect(label, signal)
    await Promise.resolve()
    const [near, far] = WireEnd.pair()
    far.on('error', () => undefined)
    const connection = new ScriptedConnection(this.connections.length + 1, far)
    this.connections.push(connection)
    reached(connection).catch((error: unknown) => {
      if (!this.#isOver) this.failures.push(error instanceof Error ? error : new Error('unknown'))
      far.destroy()
    })
    return near
  }

  #neverConnect(label: string, signal: CancelSignal): Promise<never> {
    return new Promise((_resolve, reject) => {
      const timer = this.clock.setTimer(this.#connectTimeoutMs, () =>
        reject(new ProxyError('DIAL_TIMEOUT', { detail: label })),
      )
      signal.addEventListener('abort', () => {
        timer.cancel()
        reject(new ProxyError('CLIENT_ABORTED'))
      })
    })
  }
}

export function getRequest(url: string, fieldLines: readonly string[] = []): string {
  return [`GET ${url} HTTP/1.1`, `Host: ${new URL(url).host}`, ...fieldLines].join('\n')
}

/** `POST type 1`: the method and the NTLM message that rides on it. */
export function describeRequest(head: string): string {
  const [method = ''] = head.split(' ')
  const token = [
    ...fieldValues(head, 'proxy-authorization'),
    ...fieldValues(head, 'authorization'),
  ].find(value => /^(?:ntlm|negotiate) /i.test(value))
  const name = isLogonCheck(head) ? 'check' : method
  return token === undefined
    ? name
    : `${name} ${describeToken(token.replace(/^Negotiate/i, 'NTLM'))}`
}

/** The request that the proxy makes up itself to find out what an upstream demands. */
export function isLogonCheck(head: string): boolean {
  return /^GET http:\/\/255\.255\.255\.255\/ /.test(head)
}

export interface Served extends Content {
  readonly head: string
}

/** Answers a request of somebody who is logged on. When it gives `false`, or a promise of it, the script is over. */
export type Serve = (conn: ScriptedConnection, request: Served) => unknown

export interface NtlmProxyOptions extends Omit<Demand, 'schemes'> {
  readonly serve?: Serve
  /** Default NTLM. */
  readonly scheme?: string
  /** Around the challenge, or the name alone where there is none. Default: a line of its own. */
  readonly schemes?: (offer: string) => readonly string[]
  /** Reads the body itself. */
  readonly leavesBody?: boolean
  /** Leaves logon checks without an answer. */
  readonly ignoresChecks?: boolean
  /** Default alice and bob. */
  readonly accounts?: readonly NtlmAccount[]
}

export const answerOk: Serve = (conn, { head, body }) => {
  const [method = '', target = ''] = head.split(' ')
  conn.respond('200 OK', `${method} ${target} ${body.length}\n`)
}

/** Like Squid it demands a logon before the body comes. */
function asksFirst(head: string): boolean {
  return /^expect: 100-continue$/im.test(head)
}

/** The script of a proxy that demands NTLM of every connection and answers logon checks by itself, as Squid does. */
export function ntlmProxy(options: NtlmProxyOptions = {}): Script {
  const { serve = answerOk, scheme = 'NTLM', leavesBody = false } = options
  const schemes = options.schemes ?? (offer => [offer])
  return async conn => {
    const gate = new ConnectionGate({ accounts: options.accounts ?? [ALICE, BOB] })
    for (let head = await conn.nextHead(); head !== undefined; head = await conn.nextHead()) {
      if (options.ignoresChecks === true && isLogonCheck(head)) return await conn.hold()
      const field = fieldValues(head, 'proxy-authorization')[0]?.replace(scheme, 'NTLM')
      const decision = gate.decide(field)
      const isLoggedOn = decision.kind === 'pass' || decision.kind === 'accept'
      const content =
        (isLoggedOn && leavesBody && !isLogonCheck(head)) || (!isLoggedOn && asksFirst(head))
          ? NO_CONTENT
          : await conn.readContent(head)
      if (!isLoggedOn) {
        const token = decision.kind === 'challenge' ? ` ${decision.token}` : ''
        const isHead = head.startsWith('HEAD ')
        const bare = isHead ? { body: '' } : {}
        await conn.demand({ ...options, ...bare, schemes: schemes(`${scheme}${token}`) })
        if (options.bodyStyle === 'close') return
      } else if (isLogonCheck(head)) {
        conn.respond('503 Service Unavailable', 'There is no such host\n')
      } else if ((await serve(conn, { head, ...content })) === false) {
        return
      }
    }
    conn.end()
  }
}

export interface NtlmOriginOptions {
  readonly serve?: Serve
  /** Paths that demand a logon; default all. */
  readonly demandsFor?: (target: string) => boolean
  /** What else it offers, a field value each. */
  readonly others?: readonly string[]
  /** Refuses whoever logs on, as for a page that the account has no right to. */
  readonly forbids?: boolean
  /** Ends the connection with each demand that has no challenge in it. */
  readonly closesOnDemand?: boolean
  /** Answers a demand before the body when it is asked with Expect, and gives a 100 otherwise. */
  readonly knowsExpect?: boolean
}

/** The script of a web server that demands NTLM of a connection. */
export function ntlmOrigin(options: NtlmOriginOptions = {}): Script {
  const { serve = answerOk, demandsFor = () => true, others = [], forbids = false } = options
  return async conn => {
    const gate = new ConnectionGate({ accounts: [ALICE, BOB] })
    for (let head = await conn.nextHead(); head !== undefined; head = await conn.nextHead()) {
      const field = fieldValues(head, 'authorization').find(value => value.startsWith('NTLM '))
      const isFree = field === undefined && !demandsFor(head.split(' ')[1] ?? '')
      const decision = isFree ? undefined : gate.decide(field)
      const isIn = decision === undefined || ['pass', 'accept'].includes(decision.kind)
      const isOut = forbids && isIn
      if (fieldValues(head, 'expect').length > 0 && options.knowsExpect === true) {
        if (isIn) conn.write('HTTP/1.1 100 Continue\r\n\r\n')
        else {
          conn.respond('401 Unauthorized', '', ['WWW-Authenticate: NTLM', 'Connection: close'])
          break
        }
      }
      const content = await conn.readContent(head)
      if (isIn && !isOut) {
        if ((await serve(conn, { head, ...content })) === false) return
        continue
      }
      const token = decision?.kind === 'challenge' ? ` ${decision.token}` : ''
      const closes = options.closesOnDemand === true && token === ''
      conn.respond('401 Unauthorized', 'log on', [
        ...[`NTLM${token}`, ...others].map(value => `WWW-Authenticate: ${value}`),
        ...(closes ? ['Connection: close'] : []),
      ])
      if (closes) break
    }
    conn.end()
  }
}

const NO_CONTENT: Content = { body: Buffer.alloc(0), trailers: '' }

/** A proxy that wants no logon. */
export function openProxy(serve: Serve = answerOk): Script {
  return async conn => {
    for (let head = await conn.nextHead(); head !== undefined; head = await conn.nextHead()) {
      const content = await conn.readContent(head)
      if (isLogonCheck(head)) conn.respond('503 Service Unavailable', 'There is no such host\n')
      else if ((await serve(conn, { head, ...content })) === false) return
    }
    conn.end()
  }
}
