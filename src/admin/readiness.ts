import type { AccountView, Readiness, StatusView } from './page/status-view.ts'

/**
 * Whether a new request can be served: some upstream is usable, or none is needed, and the guard allows logons. An upstream that is
 * marked down is tried when no other is left, but nothing indicates that it would answer.
 */
export function readinessOf(status: StatusView): Readiness {
  const { account, listeners, state } = status
  const reasons: string[] = []
  if (state === 'starting') reasons.push('the ports are not bound yet')
  if (state === 'draining') reasons.push('it is stopping')
  if (state === 'serving' && listeners.bound.length === 0)
    reasons.push(`no port is bound: ${listeners.waiting.map(describeWaiting).join(', ')}`)
  const configured = status.upstreams.filter(({ namedBy }) => namedBy === 'configuration')
  if (configured.length > 0 && configured.every(({ health }) => health === 'down'))
    reasons.push(`no upstream proxy is usable: ${configured.map(describeDown).join(', ')}`)
  if (configured.length > 0 && account !== undefined && isShut(account)) reasons.push(account.text)
  return { isReady: reasons.length === 0, reasons }
}

function isShut({ state }: AccountView): boolean {
  return state === 'rejected' || state === 'unanswered'
}

function describeWaiting(waiting: StatusView['listeners']['waiting'][number]): string {
  return `${waiting.address} (${waiting.reason})`
}

function describeDown({ label, lastFailure }: StatusView['upstreams'][number]): string {
  return lastFailure === undefined ? label : `${label} (${lastFailure.code})`
}
