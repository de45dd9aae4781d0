import type { Clock, Emit, ProxyEvent } from '../core/index.ts'
import { logEvent } from './log-events.ts'
import type { Logger } from './logger.ts'
import { RepeatFilter, type RepeatOptions } from './repeat-filter.ts'

export interface EventLog {
  readonly emit: Emit
  /** Writes the summaries that are still due. */
  readonly flush: () => void
}

const REPEATS: RepeatOptions = { limit: 5, windowMs: 60_000, maxKinds: 200 }

/**
 * The sink of all events: each becomes a line of the log. A failure that keeps coming (the same client denied, the same limit, the same
 * upstream failing in the same way, a Pac script that throws) is written five times a minute, and then once with the number of the others.
 */
export function createEventLog(logger: Logger, clock: Clock): EventLog {
  const filter = new RepeatFilter<ProxyEvent>(clock, REPEATS, (last, suppressed) =>
    logEvent(logger, last, suppressed),
  )
  return {
    emit: event => {
      const kind = repeatKind(event)
      if (kind === undefined || filter.admit(event.type, kind, event)) logEvent(logger, event)
    },
    flush: () => filter.flush(),
  }
}

/** What makes two failures the same one; undefined for events that are always written. */
function repeatKind(event: ProxyEvent): string | undefined {
  switch (event.type) {
    case 'upstream.failed':
      return `${event.type} ${event.upstream} ${event.error}`
    case 'upstream.limited':
      return `${event.type} ${event.upstream}`
    case 'pac.ignored':
      return `${event.type} ${event.words.join(';')}`
    case 'client.denied':
      return `${event.type} ${withoutPort(event.client)} ${event.rule}`
    case 'client.refused':
      return `${event.type} ${event.limit} ${event.limit === 'MaxClientsPerAddress' ? withoutPort(event.client) : ''}`
    case 'client.malformed':
      return `${event.type} ${withoutPort(event.client)} ${event.error}`
    case 'pac.faulted':
      return `${event.type} ${event.location} ${event.error}`
    default:
      return undefined
  }
}

function withoutPort(client: string): string {
  return client.replace(/:[0-9]+$/, '')
}
