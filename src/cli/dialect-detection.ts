import { hostname } from 'node:os'
import type { Config, Dialect } from '../config/index.ts'
import {
  type Clock,
  type Entropy,
  formatHostPort,
  isProxyError,
  type ProxyEvent,
  toProxyError,
} from '../core/index.ts'
import type { RequestHead } from '../http1/index.ts'
import { type Dialer, tcpDialer } from '../net/index.ts'
import { type NtlmCredentials, passNtlmV2 } from '../ntlm/index.ts'
import {
  buildCredentials,
  type BuiltCredentials,
  type GuardStore,
  ownLogon,
} from '../service/index.ts'
import {
  accountOf,
  askDemand,
  type Identity,
  type TrialOptions,
  tryLogon,
} from '../upstream/index.ts'
import {
  adviseAfterRejection,
  describeFinding,
  DIALECTS,
  type Finding,
  frameLines,
  isVerdict,
  mayGoOn,
} from './detection-report.ts'
import { FAILED, OK } from './exit-code.ts'
import { hashLines } from './hash-lines.ts'

export interface Detection {
  readonly config: Config
  /** Unix time in ms. */
  readonly configChangedAtMs: number
  /** See BuildInput. */
  readonly secretOrigin: string
  readonly request: RequestHead
  /** Whether the dialect of `config` was chosen explicitly: otherwise the strongest that the secrets allow is tried. */
  readonly isDialectGiven: boolean
  /** The command that tries a dialect. */
  readonly command: (dialect: Dialect) => string
}

export interface DetectionPorts {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly guardStore: GuardStore
  readonly dialer?: Dialer
}

/** The longest wait for the answer to the request itself. */
const ANSWER_MS = 60_000

/**
 * Asks the upstreams in their order what they want, and shows one logon to the first that wants NTLM.
 * @returns the exit code: whether there is an answer, whatever it says.
 * @throws ProxyError CONFIG when the account is wrong, or its secrets do not allow the dialect.
 */
export async function detectDialect(
  detection: Detection,
  ports: DetectionPorts,
  print: (line: string) => void,
  complain: (line: string) => void,
): Promise<number> {
  const { config } = detection
  const candidate = chooseCandidate(detection, ports)
  for (const warning of candidate.built.warnings) complain(`warning: ${warning}`)
  const { account, dialect } = candidate
  const findings: Finding[] = []
  for (const address of config.upstreams) {
    const upstream = formatHostPort(address)
    const finding = await examine(
      {
        address,
        request: detection.request,
        clock: ports.clock,
        dialer:
          ports.dialer ?? tcpDialer({ clock: ports.clock, timeoutMs: config.connectTimeoutMs }),
        handshakeTimeoutMs: config.handshakeTimeoutMs,
        answerTimeoutMs: ANSWER_MS,
      },
      candidate,
      offered => print(`${upstream}: asks for a logon, offers ${offered}`),
    )
    findings.push(finding)
    print(describeFinding(finding, { upstream, dialect, account }))
    if (!mayGoOn(finding)) break
  }
  for (const line of conclude(findings, detection, candidate)) print(line)
  return findings.some(isVerdict) ? OK : FAILED
}

/** The account with one dialect, and the verdict of its guard. */
interface Candidate {
  readonly dialect: Dialect
  readonly account: string
  readonly built: BuiltCredentials
  readonly identity: Identity
  readonly events: readonly ProxyEvent[]
}

function chooseCandidate(detection: Detection, ports: DetectionPorts): Candidate {
  const { config, configChangedAtMs, isDialectGiven, secretOrigin } = detection
  const dialect = isDialectGiven ? config.dialect : (possibleDialects(config)[0] ?? 'NTLMv2')
  const built = buildCredentials({ ...config, dialect }, hostname())
  const events: ProxyEvent[] = []
  const { identity } = ownLogon({
    credentials: built.credentials,
    alternative: built.alternative,
    negotiateFlags: config.negotiateFlags,
    budget: config.logonBudget,
    configChangedAtMs,
    secretOrigin,
    ...ports,
    emit: event => void events.push(event),
  })
  return { dialect, account: accountOf(built.credentials), built, identity, events }
}

/** Those for which the password or the hashes are available. Without an LM hash Auth NTLM sends the same as Auth NT. */
function possibleDialects(config: Config): Dialect[] {
  return DIALECTS.filter(dialect => {
    try {
      const { credentials } = buildCredentials({ ...config, dialect }, '')
      return dialect !== 'NTLM' || credentials.lmHash !== undefined
    } catch (error) {
      if (!isProxyError(error)) throw error
      return false
    }
  })
}

async function examine(
  options: TrialOptions,
  { identity }: Candidate,
  onDemand: (offered: string) => void,
): Promise<Finding> {
  try {
    const { status, scheme, offered } = await askDemand(options)
    if (status !== 407) return { kind: 'open', status }
    if (scheme === undefined) return { kind: 'not-offered', offered }
    onDemand(offered)
    return await tryLogon(options, scheme, identity)
  } catch (error) {
    return { kind: 'unreachable', error: toProxyError(error) }
  }
}

function conclude(
  findings: readonly Finding[],
  { command, config }: Detection,
  candidate: Candidate,
): string[] {
  const { dialect, events } = candidate
  const last = findings.at(-1)
  if (last?.kind === 'accepted') return frameLines(dialect, acceptedLines(config, candidate))
  if (last?.kind !== 'rejected') return []
  const possible = possibleDialects(config)
  const further = possible[possible.indexOf(dialect) + 1]
  const tripped = events.find(event => event.type === 'guard.tripped')
  return adviseAfterRejection({
    furtherCommand: further === undefined ? undefined : command(further),
    refusedForMs: tripped?.forMs,
    otherReading: last.otherReading,
  })
}

function acceptedLines(config: Config, candidate: Candidate): string[] {
  const { built, dialect } = candidate
  const accepted = acceptedReading(built, candidate)
  const hashes = {
    lm: accepted.lmHash?.reveal(),
    nt: accepted.ntHash?.reveal(),
    ntlmV2: dialect === 'NTLMv2' ? ntlmV2Hash(config, candidate) : undefined,
  }
  return [`Auth            ${dialect}`, ...hashLines(accepted, hashes)]
}

/** Where the hashes can be read in two ways, the one that the upstream took. */
function acceptedReading(built: BuiltCredentials, { events }: Candidate): NtlmCredentials {
  const found = events.find(event => event.type === 'credential.reading')
  return found?.reading === 'plain' ? (built.alternative ?? built.credentials) : built.credentials
}

/** Of a PassNTLMv2 line: its domain is in upper case, while a password or PassNT is hashed with the domain as configured. */
function ntlmV2Hash(config: Config, candidate: Candidate): Buffer | undefined {
  if (config.password === undefined && config.passNtlmV2 !== undefined) {
    return acceptedReading(candidate.built, candidate).ntowfV2?.reveal()
  }
  const built = buildCredentials({ ...config, dialect: 'NT' }, '')
  const { domain, ntHash, user } = acceptedReading(built, candidate)
  return ntHash === undefined ? undefined : passNtlmV2(ntHash.reveal(), user, domain)
}
