import { formatHostPort, isProxyError, toProxyError } from '../core/index.ts'
import { getHeader, type RequestHead, type ResponseHead } from '../http1/index.ts'
import { readCertificates } from '../net/index.ts'
import { tryConnect } from '../upstream/index.ts'
import { type Check, type Facts, only } from './check.ts'
import { type Judgement, note, ok, problem, skipped } from './finding.ts'
import { trialOf } from './trial-options.ts'

const TLS_MS = 15_000

export const CONNECT: Check = {
  layer: 'connect',
  async run(facts, ports) {
    const { answering, config, url } = facts
    const reason = whyNot(facts)
    if (reason !== undefined) return only(skipped(reason))
    if (answering === undefined || config === undefined || url === undefined)
      return only(skipped('no port of tsntlm answers'))
    const target = formatHostPort(url.authority)
    const request: RequestHead = {
      method: 'CONNECT',
      target,
      headers: ['Host', target, 'User-Agent', 'tsntlm doctor'],
    }
    const connected = await tryConnect(trialOf(answering, config, request, ports)).catch(
      toProxyError,
    )
    if (isProxyError(connected))
      return only(problem(`CONNECT ${target}: ${connected.message}`, 'see the log of tsntlm'))
    const { head, tunnel } = connected
    const judgement = judgeConnect(target, head)
    if (tunnel === undefined) return only(judgement)
    if (url.scheme !== 'https') {
      tunnel.destroy()
      return only(judgement)
    }
    const { host } = url.authority
    const certificates = await readCertificates(tunnel, host, ports.clock, TLS_MS).catch(
      toProxyError,
    )
    if (isProxyError(certificates)) {
      return only(
        judgement,
        problem(
          `${target} does not speak TLS through the tunnel: ${certificates.detail ?? certificates.message}`,
          'the tunnel stands; see whether the upstream allows TLS to that host',
        ),
      )
    }
    return { judgements: [judgement], learned: { certificates } }
  },
}

/** What goes through the running tsntlm may make that log on, so a password that is refused is kept from it. */
function whyNot({ answering, logon, mayLogOn, url }: Facts): string | undefined {
  if (url === undefined) return 'not asked for; --url https://HOST/ tries a tunnel'
  if (answering === undefined) return 'no port of tsntlm answers'
  if (logon === 'refused') return 'no logon, no tunnel'
  return mayLogOn ? undefined : 'left out: with --no-logon, as tsntlm may have to log on for it'
}

export function judgeConnect(target: string, head: ResponseHead): Judgement {
  const { status } = head
  const said = getHeader(head.headers, 'Proxy-Status')
  const text = `CONNECT ${target}: HTTP ${status}${said === undefined ? '' : ` (${said})`}`
  if (status >= 200 && status < 300) return ok(text)
  if (status === 403) {
    return problem(
      text,
      'a policy forbids it: the host, its port or this client; ask those who run the upstream, or see Allow and Deny',
    )
  }
  if (status === 407) return note(text, 'tsntlm asks for an account: NTLMToBasic is on')
  return problem(text, 'the log of tsntlm has the reason; docs/errors.md explains each')
}
