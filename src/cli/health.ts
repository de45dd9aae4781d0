import { formatHostPort, type HostPort, parseHostPort, systemClock } from '../core/index.ts'
import { askListener, HTTP_QUESTION, PATIENCE_MS, portsToAsk } from '../doctor/index.ts'
import { tcpDialer } from '../net/index.ts'
import { withPresentListeners } from './present-listeners.ts'
import { readConfiguration } from './configuration.ts'
import { FAILED, OK } from './exit-code.ts'
import { reportIssues } from './report-issues.ts'

export interface HealthArguments {
  readonly config: string | undefined
  /** --proxy: asked instead of the ports of the configuration. */
  readonly proxy: string | undefined
}

/** `tsntlm health`: does a running tsntlm answer on a port of this configuration? @returns the exit code. */
export async function healthCommand(
  args: HealthArguments,
  print: (line: string) => void,
  complain: (line: string) => void,
): Promise<number> {
  const ports = choosePorts(args, complain)
  if (ports === undefined) return FAILED
  const dialer = tcpDialer({ clock: systemClock, timeoutMs: PATIENCE_MS })
  for (const port of ports) {
    const answer = await askListener(dialer, systemClock, port)
    if ('text' in answer) {
      complain(`tsntlm health: ${answer.text}`)
      continue
    }
    const denied = answer.kind === 'denied' ? '; this client is denied by Allow and Deny' : ''
    print(`${formatHostPort(port.address)} answers${denied}`)
    return OK
  }
  return FAILED
}

function choosePorts(
  { config, proxy }: HealthArguments,
  complain: (line: string) => void,
): ReturnType<typeof portsToAsk> | undefined {
  if (proxy !== undefined) {
    const address: HostPort | undefined = parseHostPort(proxy)
    if (address !== undefined) return [{ address, question: HTTP_QUESTION }]
    complain(`tsntlm health: --proxy "${proxy}" is not HOST:PORT (no http://, no account)`)
    return undefined
  }
  const { input, issues } = readConfiguration(config, [])
  if (input !== undefined) {
    if (input.config.listeners.every(({ serves }) => serves.kind === 'tunnel'))
      complain('tsntlm health: there is neither Listen nor SOCKS5Proxy, nothing else can be asked')
    return portsToAsk(
      withPresentListeners(input.config, problem => complain(`tsntlm health: ${problem}`)),
    )
  }
  reportIssues(issues, complain)
  return undefined
}
