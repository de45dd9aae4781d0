import type { Admin } from '../admin/index.ts'
import { type Config, type Directive, formatIssue } from '../config/index.ts'
import type { ReloadOutcome } from '../control/index.ts'
import { type Emit, isProxyError, toProxyError } from '../core/index.ts'
import type { Identity, InheritedSocket, Service } from '../service/index.ts'
import type { GuardGate } from '../upstream/index.ts'
import { moveAdmin } from './admin.ts'
import { localTime } from './columns.ts'
import { readWithClientNames } from './configuration.ts'
import type { ProgramLog } from './program-log.ts'

export interface ReloaderOptions {
  readonly config: string | undefined
  readonly overrides: readonly Directive[]
  readonly sockets: readonly InheritedSocket[]
  readonly admin: Admin
  readonly log: ProgramLog
  /** The user that the process runs as since it gave up root. */
  readonly identity: Identity | undefined
  readonly emit: Emit
  /** The configuration at the start. */
  readonly started: Config
  readonly onBegin: () => Promise<void>
  readonly onEnd: () => Promise<void>
}

export interface Reloader {
  /** Reads the configuration again; an invalid one changes nothing. Reloads run one after the other. Never throws. */
  reload(): Promise<ReloadOutcome>
}

export function createReloader(service: Service, options: ReloaderOptions): Reloader {
  let last: Promise<unknown> = Promise.resolve()
  return {
    reload: async () => {
      const outcome = last.then(async () => {
        await options.onBegin()
        const found = await reloadOnce(service, options)
        await options.onEnd()
        return found
      })
      // An exception here is a bug, but must not prevent later reloads.
      last = outcome.catch(() => undefined)
      return outcome
    },
  }
}

async function reloadOnce(service: Service, options: ReloaderOptions): Promise<ReloadOutcome> {
  const { admin, config, emit, log, overrides, sockets, started } = options
  const hasListener = sockets.length > 0
  const { input, issues } = await readWithClientNames(config, overrides, { hasListener })
  const found = issues.map(formatIssue)
  const outcome = (taken: boolean, problems: readonly string[]): ReloadOutcome => ({
    taken,
    generation: service.status().configuration.generation,
    problems,
  })
  const refuse = (problems: readonly string[]): ReloadOutcome => {
    emit({ type: 'config.rejected', issues: problems })
    return outcome(false, problems)
  }
  if (input === undefined) return refuse(found)
  let before: GuardGate | undefined
  try {
    before = service.guard?.gate
    const moves: Move[] = []
    try {
      moves.push(prepareLog(options, input.config, found))
      moves.push(await moveAdmin(admin, input.config))
      found.push(...(await service.reload(input)))
    } catch (error) {
      for (const move of moves) move.undo()
      throw error
    }
    for (const move of moves) move.commit()
  } catch (thrown) {
    const error = toProxyError(thrown)
    if (error.code === 'BUG') emit({ type: 'bug', error: thrown })
    return refuse([error.detail ?? error.message])
  }
  found.push(...staysAsStarted(started, input.config))
  for (const issue of found) log.logger.warn({ event: 'config.issue', issue }, 'configuration')
  const account = accountAfter(service, before)
  if (account !== undefined) emit({ type: 'guard.reloaded', ...account })
  return {
    ...outcome(true, found),
    ...(account === undefined ? {} : { account: `${account.account}: ${account.text}` }),
  }
}

/** The state of the password after a reload. A rejected one is not tried again, because a reload does not show that it is right now. */
function accountAfter(
  { guard }: Service,
  before: GuardGate | undefined,
): { readonly account: string; readonly text: string } | undefined {
  if (guard === undefined) return undefined
  const { account, gate } = guard
  const { text, until } = gate.status
  if (gate.isOpen) {
    if (gate === before) return { account, text: 'password unchanged' }
    return {
      account,
      text: gate.isProven
        ? 'back to a password that was accepted before'
        : 'new password, the next request will try it',
    }
  }
  const which = gate === before ? 'password unchanged' : 'this password was rejected before'
  const when = until === undefined ? '' : `, refused until ${localTime(until)}`
  return { account, text: `${which}${when}: ${text}` }
}

/** New ports and files, opened but not in use until the whole configuration can be applied. */
interface Move {
  commit(): void
  undo(): void
}

/** @throws ProxyError CONFIG when the log file cannot be opened. */
function prepareLog({ log, identity }: ReloaderOptions, config: Config, found: string[]): Move {
  try {
    return log.prepare(config)
  } catch (error) {
    if (identity === undefined || !isForbidden(error)) throw error
    // At the start root opens the file, but this process no longer runs as root.
    found.push(
      `LogFile has changed: only root can open ${config.logFile ?? 'it'}, that takes effect at the next start`,
    )
    return log.prepare({ ...config, logFile: log.path })
  }
}

function isForbidden(error: unknown): boolean {
  const cause = isProxyError(error) ? error.cause : undefined
  return (
    cause instanceof Error && 'code' in cause && (cause.code === 'EACCES' || cause.code === 'EPERM')
  )
}

const TAKEN_AT_START = {
  ControlSocket: 'controlSocket',
  StateDirectory: 'stateDirectory',
  Workers: 'workers',
} as const satisfies Readonly<Record<string, keyof Config>>

function staysAsStarted(started: Config, now: Config): string[] {
  return Object.entries(TAKEN_AT_START)
    .filter(([, key]) => started[key] !== now[key])
    .map(([name]) => `${name} has changed: that takes effect at the next start`)
}
