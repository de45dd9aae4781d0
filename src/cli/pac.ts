import { formatHostPort, type HostPort, NEVER_CANCELLED, toProxyError } from '../core/index.ts'
import { parseAbsoluteForm, parseAuthorityForm } from '../http1/index.ts'
import { type Pac, showLocation } from '../pac/index.ts'
import { parsePacAnswer } from '../policy/index.ts'
import { FAILED, OK } from './exit-code.ts'
import { loadScript } from './pac-script.ts'

export interface PacArguments {
  /** A path or an http or https URL. */
  readonly script: string
  /** URLs; also host and host:port, as people write them. */
  readonly targets: readonly string[]
}

/** `tsntlm pac SCRIPT URL ...`: loads a script, and says what it answers and what tsntlm makes of that. @returns the exit code. */
export async function pacCommand(
  args: PacArguments,
  print: (line: string) => void,
  complain: (line: string) => void,
): Promise<number> {
  const targets = args.targets.map(text => ({ text, target: parseTarget(text) }))
  const wrong = targets.filter(({ target }) => target === undefined)
  for (const { text } of wrong) {
    complain(`tsntlm pac: "${printable(text)}" is neither a URL nor host:port`)
  }
  if (wrong.length > 0) return FAILED
  const location = showLocation(args.script)
  const explain = (error: unknown): void => complain(`${location}: ${describe(error)}`)
  let pac: Pac
  try {
    const onAlert = (text: string): void => complain(`alert: ${printable(text)}`)
    pac = await loadScript(args.script, onAlert)
  } catch (error) {
    explain(error)
    return FAILED
  }
  let code = OK
  for (const { target } of targets) {
    if (target === undefined) continue
    try {
      const answer = await pac.find(target.url, target.host, NEVER_CANCELLED)
      print(target.url)
      for (const line of answerLines(answer)) print(`  ${line}`)
    } catch (error) {
      explain(error)
      code = FAILED
    }
  }
  pac.close()
  return code
}

interface Target {
  /** As a proxy asks: the URL of plain HTTP, host and port alone of what comes as CONNECT. */
  readonly url: string
  readonly host: string
}

function parseTarget(text: string): Target | undefined {
  if (text.includes('://')) {
    if (!URL.canParse(text)) return undefined
    const url = new URL(text)
    url.username = ''
    url.password = ''
    return url.hostname === '' ? undefined : { url: url.href, host: bare(url.hostname) }
  }
  const connect = parseAuthorityForm(text)
  if (connect !== undefined) return { url: urlOf(connect), host: connect.host }
  const plain = parseAbsoluteForm(`http://${text}/`)?.authority
  return plain === undefined ? undefined : { url: `http://${text}/`, host: plain.host }
}

function urlOf(target: HostPort): string {
  return new URL(`https://${formatHostPort(target)}/`).href
}

function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}

function answerLines(answer: string): string[] {
  const { candidates, ignored } = parsePacAnswer(answer)
  const ways = candidates.map((each, at) => {
    const way = each.kind === 'direct' ? 'direct' : `proxy ${formatHostPort(each.address)}`
    return `${at + 1}. ${way}`
  })
  return [
    answer === '' ? '(an empty answer)' : printable(answer),
    ...(ways.length > 0 ? ways : ['nothing usable: the Proxy lines serve']),
    ...ignored.map(item => `ignored: ${printable(item)}`),
  ]
}

/** `error in line 3: ...` where the script has such a line. */
function describe(error: unknown): string {
  const { detail, message } = toProxyError(error)
  const located = /^(.*) in line ([0-9]+)$/s.exec(detail ?? '')
  const text =
    located === null
      ? `error: ${message}`
      : `error in line ${located[2] ?? ''}: ${located[1] ?? ''}`
  return printable(text)
}

/** What a script says may write to the terminal. */
function printable(text: string): string {
  return text.replace(/\p{C}/gu, char => `\\u{${char.codePointAt(0)?.toString(16) ?? ''}}`)
}
