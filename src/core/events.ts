import type { ErrorCode } from './errors.ts'
import type { RequestId, SessionId } from './ids.ts'

/**
 * How a request ended, in two letters (docs/logs.md explains them): who ended it
 * (C client, S upstream, P our policy, R resource, I internal, c/s time-out on that side, K shutdown, - nobody)
 * and in which phase (R request, Q queue, C dial, A authenticate, H waiting for the head, D data, -).
 */
export type Termination = string

export interface RequestRecord {
  readonly id: RequestId
  /** The client's address and port. */
  readonly client: string
  readonly method: string
  /** host:port of a CONNECT, the URL without query and user information of anything else. */
  readonly target: string
  /** Whether a tunnel came of it. */
  readonly isTunnel: boolean
  readonly route: 'direct' | 'upstream' | 'none'
  readonly upstream: string | undefined
  readonly status: number
  /** Bytes from and to the client, bodies and tunnel data alone. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** Milliseconds from the request's arrival to its end, and to the first byte of the answer. */
  readonly totalMs: number
  readonly responseMs: number | undefined
  /** Milliseconds spent on dialling and on NTLM for this request: 0 when a ready session served it. */
  readonly connectMs: number
  readonly authMs: number
  readonly attempts: number
  readonly termination: Termination
  readonly error: ErrorCode | undefined
  readonly detail: string | undefined
}

/** Everything that can be observed. Mechanism emits these; the observe room turns them into log lines. */
export type ProxyEvent =
  | { readonly type: 'listener.bound'; readonly address: string }
  | { readonly type: 'listener.failed'; readonly address: string; readonly reason: string }
  /** The address, or the interface, does not exist yet; the search for it continues. */
  | { readonly type: 'listener.waiting'; readonly address: string; readonly reason: string }
  | { readonly type: 'listener.closed'; readonly address: string }
  /** Metrics, health and the status page. */
  | { readonly type: 'admin.opened'; readonly address: string }
  | { readonly type: 'admin.closed'; readonly address: string }
  | { readonly type: 'client.denied'; readonly client: string; readonly rule: string }
  /**
   * Turned away at a limit of this proxy; `most` is its value if it has one. `pipelining`: the client sent more requests ahead of their
   * answers than are buffered.
   */
  | {
      readonly type: 'client.refused'
      readonly client: string
      readonly limit:
        'MaxClients' | 'MaxClientsPerAddress' | 'MaxWaiting' | 'descriptors' | 'pipelining'
      readonly most: number | undefined
    }
  | {
      readonly type: 'client.malformed'
      readonly client: string
      readonly error: ErrorCode
      readonly reason: string
    }
  | { readonly type: 'request.finished'; readonly record: RequestRecord }
  | {
      readonly type: 'session.dialed'
      readonly session: SessionId
      readonly upstream: string
      readonly ms: number
    }
  | {
      readonly type: 'session.authenticated'
      readonly session: SessionId
      readonly upstream: string
      readonly scheme: string
      readonly dialect: string
      readonly ms: number
    }
  /** It was made before a request wanted it, in this long. */
  | {
      readonly type: 'session.warmed'
      readonly session: SessionId
      readonly upstream: string
      readonly grade: 'dialled' | 'authenticated' | 'challenged' | 'tunnel'
      readonly ms: number
    }
  | {
      readonly type: 'session.reused'
      readonly session: SessionId
      readonly upstream: string
      readonly uses: number
    }
  | {
      readonly type: 'session.closed'
      readonly session: SessionId
      readonly upstream: string
      readonly reason: string
    }
  | {
      readonly type: 'upstream.failed'
      readonly upstream: string
      readonly error: ErrorCode
      readonly detail: string
    }
  | {
      readonly type: 'upstream.down'
      readonly upstream: string
      readonly forMs: number
      readonly error: ErrorCode
    }
  /** It answered a probe after its cool-down; the next request may try. */
  | { readonly type: 'upstream.reachable'; readonly upstream: string }
  | { readonly type: 'upstream.up'; readonly upstream: string }
  /** It refuses or does not answer logons although the account works; requests that need a logon prefer other upstreams. */
  | {
      readonly type: 'upstream.logonsFail'
      readonly upstream: string
      readonly forMs: number
      readonly error: ErrorCode
    }
  | { readonly type: 'upstream.logonsWork'; readonly upstream: string }
  /** It asks for a logon with 401, like a web server, as transparent proxies do: see docs/logs.md. */
  | { readonly type: 'upstream.asksAsOrigin'; readonly upstream: string }
  /** It asks to be retried after `waitMs`. */
  | {
      readonly type: 'upstream.limited'
      readonly upstream: string
      readonly status: number
      readonly waitMs: number
    }
  | {
      readonly type: 'guard.tripped'
      readonly account: string
      readonly upstream: string
      /** undefined: until the configuration is changed. */
      readonly forMs: number | undefined
    }
  /** Logons were not answered, so none is sent for a while. */
  | {
      readonly type: 'guard.held'
      readonly account: string
      readonly upstream: string
      readonly forMs: number
    }
  | { readonly type: 'guard.proven'; readonly account: string }
  /** A password that had worked was refused; a logon check will find out why. */
  | { readonly type: 'guard.doubted'; readonly account: string; readonly upstream: string }
  /** Logons wait for a slot because verdicts are too slow for the load. */
  | {
      readonly type: 'guard.slow'
      readonly account: string
      readonly waitedMs: number
      readonly budget: number
    }
  /** The state of the account after a reload. */
  | { readonly type: 'guard.reloaded'; readonly account: string; readonly text: string }
  /** An operator allowed one more attempt with a password that is held back. */
  | { readonly type: 'guard.unlocked'; readonly account: string }
  | {
      readonly type: 'credential.reading'
      readonly account: string
      /** The detected encoding of the hashes in the configuration. */
      readonly reading: 'plain' | 'inverted'
    }
  | {
      readonly type: 'credential.misread'
      readonly account: string
      readonly upstream: string
      /** The encoding that is tried next. */
      readonly next: 'plain' | 'inverted'
    }
  /** An account that a client named. */
  | { readonly type: 'client.proven'; readonly account: string }
  | {
      readonly type: 'client.rejected'
      readonly account: string
      readonly upstream: string
      readonly forMs: number
    }
  | { readonly type: 'pac.ignored'; readonly words: readonly string[] }
  | { readonly type: 'origin.denied'; readonly origin: string; readonly account: string }
  | { readonly type: 'guard.storeFailed'; readonly file: string; readonly reason: string }
  /** `location` is the path, or the URL without user information and query. */
  | { readonly type: 'pac.loaded'; readonly location: string; readonly bytes: number }
  | {
      readonly type: 'pac.failed'
      readonly location: string
      readonly error: ErrorCode
      readonly detail: string
      /** Whether an earlier copy of the script goes on serving. */
      readonly keepsOld: boolean
    }
  /** A question that the script did not answer. */
  | {
      readonly type: 'pac.faulted'
      readonly location: string
      readonly error: ErrorCode
      readonly detail: string
    }
  | { readonly type: 'pac.alert'; readonly location: string; readonly text: string }
  | {
      readonly type: 'service.started'
      readonly listeners: readonly string[]
      readonly upstreams: readonly string[]
    }
  | {
      readonly type: 'config.loaded'
      readonly listeners: readonly string[]
      readonly upstreams: readonly string[]
    }
  /** A process that serves clients for the main process. */
  | { readonly type: 'worker.started'; readonly worker: number; readonly pid: number }
  /** It does not respond, and gets no new clients. */
  | { readonly type: 'worker.silent'; readonly worker: number; readonly pid: number }
  | { readonly type: 'worker.answers'; readonly worker: number; readonly pid: number }
  | {
      readonly type: 'worker.ended'
      readonly worker: number
      readonly pid: number
      readonly reason: string
      /** The delay before another one replaces it. */
      readonly againInMs: number
    }
  | { readonly type: 'config.rejected'; readonly issues: readonly string[] }
  | {
      readonly type: 'service.draining'
      readonly signal: string
      readonly requests: number
      readonly graceMs: number
    }
  /** Lines were lost because the reader of the log was behind or the log could not be written; writing has resumed. */
  | { readonly type: 'log.lost'; readonly lines: number }
  | { readonly type: 'control.failed'; readonly reason: string }
  | { readonly type: 'service.notifyFailed'; readonly reason: string }
  | { readonly type: 'service.stopped'; readonly aborted: number }
  | { readonly type: 'bug'; readonly error: unknown }

/** Events about upstreams that worker processes share. */
export type UpstreamNews = Extract<
  ProxyEvent,
  { readonly type: 'upstream.down' | 'upstream.reachable' | 'upstream.up' }
>

export function isUpstreamNews(event: ProxyEvent): event is UpstreamNews {
  const { type } = event
  return type === 'upstream.down' || type === 'upstream.reachable' || type === 'upstream.up'
}

export type Emit = (event: ProxyEvent) => void
