import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import type { ListenAddress } from '../config/index.ts'
import { type Clock, formatHostPort, isProxyError, systemClock } from '../core/index.ts'
import { type Dialer, meansInterface, readInterfaces, tcpDialer } from '../net/index.ts'
import { type ListeningPlan, planListening } from '../service/index.ts'
import { readConfiguration } from './configuration.ts'
import { FAILED, OK } from './exit-code.ts'
import { reportIssues } from './report-issues.ts'

export interface HealthArguments {
  readonly config: string | undefined
}

/** For the connection, and again for the answer. */
const PATIENCE_MS = 3_000

interface Question {
  readonly ask: Buffer
  readonly isAnswer: (begin: Buffer) => boolean
}

/**
 * Something that each kind of port answers by itself, without an upstream and without an access line. Each connection to a
 * Tunnel port is one to its target, so there is nothing to ask there.
 */
const QUESTIONS: Readonly<Record<ListenAddress['serves']['kind'], Question | undefined>> = {
  http: {
    ask: Buffer.from('OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'),
    isAnswer: begin => begin.toString('latin1').startsWith('HTTP/1.1 '),
  },
  // RFC 1928 section 3: version 5, two methods, "no authentication" and "user name and password".
  socks5: {
    ask: Buffer.from([5, 2, 0, 2]),
    isAnswer: begin => begin[0] === 5,
  },
  tunnel: undefined,
}

/** `tsntlm health`: does a running tsntlm answer on a port of this configuration? @returns the exit code. */
export async function healthCommand(
  args: HealthArguments,
  print: (line: string) => void,
  complain: (line: string) => void,
): Promise<number> {
  const { input, issues } = readConfiguration(args.config, [])
  if (input === undefined) {
    reportIssues(issues, complain)
    return FAILED
  }
  const interfaces = readInterfaces()
  const plan = planListening(input.config.listeners, interfaces, host =>
    meansInterface(host, interfaces),
  )
  const ports = portsToAsk(plan)
  for (const [address, { reason }] of plan.missing) complain(`tsntlm health: ${address}: ${reason}`)
  if (ports.length + plan.missing.size === 0)
    complain('tsntlm health: there is neither Listen nor SOCKS5Proxy, nothing else can be asked')
  const dialer = tcpDialer({ clock: systemClock, timeoutMs: PATIENCE_MS })
  for (const { address, question } of ports) {
    const problem = await ask(dialer, systemClock, address, question)
    if (problem === undefined) {
      print(`${formatHostPort(address)} answers`)
      return OK
    }
    complain(`tsntlm health: ${problem}`)
  }
  return FAILED
}

interface Port {
  readonly address: { readonly host: string; readonly port: number }
  readonly question: Question
}

function portsToAsk({ places }: ListeningPlan): Port[] {
  return places.flatMap(({ host, port, serves }) => {
    const question = QUESTIONS[serves.kind]
    return question === undefined ? [] : [{ address: { host: reachable(host), port }, question }]
  })
}

/** What listens on every address answers on loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

/** @returns what is wrong, or undefined. */
async function ask(
  dialer: Dialer,
  clock: Clock,
  address: Port['address'],
  { ask: bytes, isAnswer }: Question,
): Promise<string | undefined> {
  const patience = new AbortController()
  const label = formatHostPort(address)
  let stream: Duplex | undefined
  const timer = clock.setTimer(2 * PATIENCE_MS, () => patience.abort())
  try {
    stream = await dialer.dial(address, { signal: patience.signal })
    stream.on('error', () => undefined)
    stream.write(bytes)
    const [begin] = (await once(stream, 'data', { signal: patience.signal })) as [Buffer]
    return isAnswer(begin) ? undefined : `something else than tsntlm answers on ${label}`
  } catch (error) {
    if (patience.signal.aborted) return `${label} takes connections and does not answer`
    return isProxyError(error) ? error.message : String(error)
  } finally {
    timer.cancel()
    stream?.destroy()
  }
}
