import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import type { Config, ListenAddress } from '../config/index.ts'
import { type Clock, formatHostPort, type HostPort, isProxyError } from '../core/index.ts'
import type { Dialer } from '../net/index.ts'

/** For the connection, and again for the answer. */
export const PATIENCE_MS = 3_000

export interface Question {
  readonly ask: Buffer
  readonly isAnswer: (begin: Buffer) => boolean
}

/** RFC 9110 section 9.3.7: about the proxy itself. */
export const HTTP_QUESTION: Question = {
  ask: Buffer.from('OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'),
  isAnswer: begin => begin.toString('latin1').startsWith('HTTP/1.1 '),
}

/**
 * Something that each kind of port answers by itself, without an upstream and without an access line. Each connection to a
 * Tunnel port is one to its target, so there is nothing to ask there.
 */
const QUESTIONS: Readonly<Record<ListenAddress['serves']['kind'], Question | undefined>> = {
  http: HTTP_QUESTION,
  // RFC 1928 section 3: version 5, two methods, "no authentication" and "user name and password".
  socks5: {
    ask: Buffer.from([5, 2, 0, 2]),
    isAnswer: begin => begin[0] === 5,
  },
  tunnel: undefined,
}

export interface Port {
  readonly address: HostPort
  readonly question: Question
}

export function portsToAsk({ listeners }: Pick<Config, 'listeners'>): Port[] {
  return listeners.flatMap(({ host, port, serves }) => {
    const question = QUESTIONS[serves.kind]
    return question === undefined ? [] : [{ address: { host: reachable(host), port }, question }]
  })
}

/** What listens on every address answers on loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

export type ListenerAnswer =
  /** `denied`: an HTTP port that lets this client not in. */
  | { readonly kind: 'answers' | 'denied' }
  | { readonly kind: 'silent' | 'foreign' | 'unreachable'; readonly text: string }

export async function askListener(
  dialer: Dialer,
  clock: Clock,
  { address, question }: Port,
): Promise<ListenerAnswer> {
  const patience = new AbortController()
  const label = formatHostPort(address)
  let stream: Duplex | undefined
  const timer = clock.setTimer(2 * PATIENCE_MS, () => patience.abort())
  try {
    stream = await dialer.dial(address, { signal: patience.signal })
    stream.on('error', () => undefined)
    stream.write(question.ask)
    const [begin] = (await once(stream, 'data', { signal: patience.signal })) as [Buffer]
    if (!question.isAnswer(begin))
      return { kind: 'foreign', text: `something else than tsntlm answers on ${label}` }
    return { kind: begin.toString('latin1').startsWith('HTTP/1.1 403 ') ? 'denied' : 'answers' }
  } catch (error) {
    if (patience.signal.aborted)
      return { kind: 'silent', text: `${label} takes connections and does not answer` }
    return { kind: 'unreachable', text: isProxyError(error) ? error.message : String(error) }
  } finally {
    timer.cancel()
    stream?.destroy()
  }
}
