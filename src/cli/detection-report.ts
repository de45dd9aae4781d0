import type { Dialect } from '../config/index.ts'
import type { Trial } from '../upstream/index.ts'
import type { ProxyError } from '../core/index.ts'

/** The order in which dialects are considered: the strongest first. */
export const DIALECTS: readonly Dialect[] = ['NTLMv2', 'NTLM2SR', 'NTLM', 'NT', 'LM']

/** What was found out about one upstream: without credentials, or else by one logon. */
export type Finding =
  | { readonly kind: 'unreachable'; readonly error: ProxyError }
  | { readonly kind: 'not-offered'; readonly offered: string }
  | Trial

/**
 * Whether the next upstream may be tried. Once a credential was sent, or the guard refused to send it, no more may follow: a directory
 * counts a refused dialect as a wrong password, so the next attempt could be the second failed logon.
 */
export function mayGoOn(finding: Finding): boolean {
  switch (finding.kind) {
    case 'unreachable':
    case 'not-offered':
    case 'open':
      return true
    case 'not-sent':
      return finding.error.code !== 'AUTH_LOCKED_OUT'
    case 'accepted':
    case 'rejected':
    case 'unanswered':
      return false
  }
}

/** Whether it answers the question. */
export function isVerdict({ kind }: Finding): boolean {
  return ['not-offered', 'open', 'accepted', 'rejected'].includes(kind)
}

/** What the lines below refer to. */
export interface DetectionContext {
  /** `host:port` of the upstream. */
  readonly upstream: string
  readonly dialect: Dialect
  /** `DOMAIN\user`. */
  readonly account: string
}

/** The progress line for a finding. */
export function describeFinding(finding: Finding, context: DetectionContext): string {
  const { account, dialect, upstream } = context
  const logon = `${upstream}: ${dialect} as ${account}:`
  switch (finding.kind) {
    case 'unreachable':
      return `${upstream}: no answer: ${finding.error.message}`
    case 'not-offered':
      return `${upstream}: offers no NTLM: ${finding.offered}`
    case 'open':
      return `${upstream}: asks for no logon here (HTTP ${finding.status})`
    case 'accepted':
      return `${logon} accepted (HTTP ${finding.status})`
    case 'rejected':
      return `${logon} rejected (HTTP 407)`
    case 'not-sent':
      return `${logon} nothing was sent: ${finding.error.message}`
    case 'unanswered':
      return `${logon} sent, but never answered: ${finding.error.message}`
  }
}

export interface Rejection {
  /** The command for a further attempt, with a dialect that the password or hashes allow; undefined when there is no other. */
  readonly furtherCommand: string | undefined
  /** How long the guard refuses; 0 when it does not, undefined when it refuses until the configuration is changed. */
  readonly refusedForMs: number | undefined
  /** Whether the hashes have another reading that was never sent. */
  readonly otherReading: boolean
}

/** Why detection ends after a rejection, and how to continue deliberately. */
export function adviseAfterRejection(rejection: Rejection): string[] {
  const { furtherCommand, otherReading, refusedForMs } = rejection
  const lines = [
    'The proxy refused the password or the dialect, and does not say which of them.',
    'A domain counts a refused dialect as a wrong password, so a further try could be the second failed logon: none is made.',
  ]
  if (otherReading) {
    lines.push(
      'The hashes do not tell their encoding: they were read as inverted. The same command again sends them read as plain.',
    )
    return lines
  }
  const until =
    refusedForMs === undefined
      ? 'until the configuration file is changed'
      : `for ${Math.ceil(refusedForMs / 60_000)} min, or until the configuration file is changed`
  lines.push(`The password is sent to no proxy ${until}. Make sure that it is right.`)
  if (furtherCommand !== undefined) {
    lines.push(
      `To try another dialect after that, with the other options as they were: ${furtherCommand}`,
    )
  }
  return lines
}

const RULER_LENGTH = 56

/** The lines for the configuration between two rulers. */
export function frameLines(dialect: Dialect, lines: readonly string[]): string[] {
  const title = `---- ${dialect}: for the configuration `
  return [title.padEnd(RULER_LENGTH, '-'), ...lines, '-'.repeat(RULER_LENGTH)]
}
