import { type Check, only } from './check.ts'
import { type Judgement, ok, problem, skipped } from './finding.ts'

/** Kerberos' limit, and that of servers which look at the time in an NTLMv2 response (MS-NLMP section 3.3.2). */
const MOST_SKEW_MS = 5 * 60_000

export const CLOCK: Check = {
  layer: 'clock',
  run({ demand }, { clock }) {
    if (demand === undefined) return only(skipped('no upstream has answered'))
    const { dateMs } = demand.demanded
    if (dateMs === undefined) return only(skipped('the upstream says no time'))
    return only(judgeSkew(clock.wallMs() - dateMs))
  },
}

/** @param skewMs positive when this host is ahead. */
export function judgeSkew(skewMs: number): Judgement {
  const seconds = Math.round(Math.abs(skewMs) / 1000)
  const direction = skewMs > 0 ? 'ahead of' : 'behind'
  if (Math.abs(skewMs) <= MOST_SKEW_MS) return ok(`${seconds} s ${direction} the upstream`)
  return problem(
    `the clock of this host is ${seconds} s ${direction} that of the upstream: NTLMv2 logons and certificates may fail`,
    'set the clock: timedatectl set-ntp true',
  )
}
