import type { ProxyEvent } from '../core/index.ts'
import { accessFields } from './access-record.ts'
import type { Logger } from './logger.ts'

type EventLevel = 'error' | 'warn' | 'info' | 'debug'

interface Entry {
  readonly level: EventLevel
  /** Constant for each kind of event; variable data is in the fields. Only `log.lost` repeats its number here. */
  readonly message: string
}

/**
 * error: an operator must act. warn: service is degraded. info: the life cycle of the program and each request.
 * debug: the steps of upstream sessions.
 */
const ENTRIES: Readonly<Record<ProxyEvent['type'], Entry>> = {
  'listener.bound': { level: 'info', message: 'listening' },
  'listener.failed': { level: 'error', message: 'cannot listen' },
  'listener.waiting': { level: 'warn', message: 'cannot listen yet, waiting for the address' },
  'listener.closed': { level: 'info', message: 'no longer listening' },
  'admin.opened': { level: 'info', message: 'metrics, health and the status page are served' },
  'admin.closed': {
    level: 'info',
    message: 'metrics, health and the status page are no longer served',
  },
  'client.denied': { level: 'warn', message: 'client denied' },
  'client.refused': { level: 'warn', message: 'client refused at a limit of this proxy' },
  'client.malformed': { level: 'info', message: 'client sent no valid request' },
  'request.finished': { level: 'info', message: 'request finished' },
  'session.dialed': { level: 'debug', message: 'session dialed' },
  'session.authenticated': { level: 'debug', message: 'session authenticated' },
  'session.warmed': { level: 'debug', message: 'session made ready ahead' },
  'session.reused': { level: 'debug', message: 'session reused' },
  'session.closed': { level: 'debug', message: 'session closed' },
  'upstream.failed': { level: 'warn', message: 'upstream failed' },
  'upstream.down': { level: 'warn', message: 'upstream marked down' },
  'upstream.reachable': { level: 'debug', message: 'upstream answers again' },
  'upstream.up': { level: 'info', message: 'upstream is up again' },
  'upstream.logonsFail': {
    level: 'error',
    message: 'upstream refuses or does not answer logons although the account is in order',
  },
  'upstream.logonsWork': { level: 'info', message: 'upstream accepts logons again' },
  'upstream.asksAsOrigin': {
    level: 'warn',
    message:
      'upstream asks for a logon like a web server (401), as a transparent proxy does: name its explicit port in the Proxy line',
  },
  'upstream.limited': { level: 'warn', message: 'upstream limits requests' },
  'guard.tripped': {
    level: 'error',
    message: 'password rejected, not sent again to keep the account from being locked',
  },
  'guard.unlocked': {
    level: 'warn',
    message: 'password unlocked by hand, the next request will try it once more',
  },
  'guard.held': {
    level: 'error',
    message: 'logons are not answered, so none is sent for a while; tsntlm unlock allows one now',
  },
  'guard.doubted': {
    level: 'warn',
    message: 'a password that had worked was refused, a logon check will tell why',
  },
  'guard.slow': {
    level: 'warn',
    message:
      'logons wait for each other because verdicts are slow; a larger LogonBudget lets more go out at once, and must stay below the bad passwords that lock the account',
  },
  'guard.reloaded': { level: 'info', message: 'account after the reload' },
  'guard.proven': { level: 'info', message: 'password accepted' },
  'credential.reading': {
    level: 'info',
    message: 'found out the encoding of the hashes, name it with PassEncoding in the configuration',
  },
  'credential.misread': {
    level: 'warn',
    message: 'hashes rejected in the first encoding, the other one is tried once',
  },
  'client.proven': { level: 'info', message: 'account of a client accepted' },
  'client.rejected': {
    level: 'warn',
    message: 'account of a client rejected, not sent again with this password',
  },
  'pac.ignored': { level: 'warn', message: 'the Pac script names what cannot be used' },
  'origin.denied': {
    level: 'warn',
    message: 'a web server refused the account, it is not sent there again for a while',
  },
  'guard.storeFailed': { level: 'warn', message: 'cannot keep the state of the account' },
  'pac.loaded': { level: 'info', message: 'Pac script loaded' },
  'pac.failed': { level: 'warn', message: 'Pac script cannot be loaded' },
  'pac.faulted': {
    level: 'warn',
    message:
      'Pac script gave no answer, the Proxy lines serve, or the direct way where there are none',
  },
  'pac.alert': { level: 'debug', message: 'Pac script says' },
  'service.started': { level: 'info', message: 'ready' },
  'config.loaded': { level: 'info', message: 'configuration reloaded' },
  'worker.started': { level: 'info', message: 'worker ready' },
  'worker.silent': {
    level: 'warn',
    message: 'worker does not respond, it gets no new clients',
  },
  'worker.answers': { level: 'info', message: 'worker answers again' },
  'worker.ended': { level: 'error', message: 'worker ended, its connections with it' },
  'config.rejected': {
    level: 'error',
    message: 'configuration rejected, the proxy keeps the one it has',
  },
  'service.draining': { level: 'info', message: 'stopping, open requests may finish' },
  'log.lost': { level: 'warn', message: 'log lines lost' },
  'control.failed': { level: 'warn', message: 'no control socket, the proxy goes on without it' },
  'service.notifyFailed': {
    level: 'warn',
    message: 'cannot notify systemd, which may take the service for not started or hung',
  },
  'service.stopped': { level: 'info', message: 'stopped' },
  bug: { level: 'error', message: 'this is a bug, please report it' },
}

/** Writes an event as one line; `repeats` says how many more of its kind the line stands for. */
export function logEvent(logger: Logger, event: ProxyEvent, repeats?: number): void {
  const { level, message: constant } = ENTRIES[event.type]
  const message = event.type === 'log.lost' ? `${constant}: ${event.lines}` : constant
  if (!logger.isLevelEnabled(level)) return
  const fields = { event: event.type, ...eventFields(event) }
  if (repeats === undefined) logger[level](fields, message)
  else logger[level]({ ...fields, repeats }, `${message}, again and again`)
}

function eventFields(event: ProxyEvent): object {
  if (event.type === 'request.finished') return accessFields(event.record)
  if (event.type === 'bug') return { err: event.error }
  const { type, ...fields } = event
  return 'ms' in fields ? { ...fields, ms: Math.round(fields.ms) } : fields
}
