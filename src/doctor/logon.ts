import { formatHostPort } from '../core/index.ts'
import type { Trial } from '../upstream/index.ts'
import { type Check, only } from './check.ts'
import { type Judgement, note, ok, problem, skipped } from './finding.ts'
import { doctorRequest, trialOf } from './trial-options.ts'

export const LOGON: Check = {
  layer: 'logon',
  async run({ config, demand, mayLogOn }, ports) {
    if (config === undefined || demand === undefined)
      return only(skipped('no upstream has answered'))
    const { demanded, upstream } = demand
    if (demanded.status !== 407)
      return { judgements: [skipped('no logon is asked for')], learned: { logon: 'not-needed' } }
    if (demanded.scheme === undefined) return only(skipped('no upstream offers NTLM'))
    if (!mayLogOn) return only(skipped('left out: --no-logon'))
    if (ports.logOn === undefined) return only(skipped('the configuration has no account'))
    const request = doctorRequest(config)
    const trial = await ports.logOn(trialOf(upstream, config, request, ports), demanded)
    return {
      judgements: [judgeTrial(formatHostPort(upstream), trial)],
      learned: { logon: verdictOf(trial) },
    }
  },
}

function verdictOf({ kind }: Trial): 'accepted' | 'not-needed' | 'refused' {
  if (kind === 'accepted') return 'accepted'
  return kind === 'open' ? 'not-needed' : 'refused'
}

/** Does not name the account, because users share other lines of the report. */
export function judgeTrial(label: string, trial: Trial): Judgement {
  switch (trial.kind) {
    case 'accepted':
      return ok(`${label} takes the password (HTTP ${trial.status} for the test request)`)
    case 'open':
      return note(`${label} asks for no logon any more (HTTP ${trial.status})`)
    case 'rejected':
      return problem(
        `${label} rejects the password or the dialect`,
        trial.otherReading
          ? 'the hashes do not tell their encoding, they were sent as inverted: set PassEncoding plain, or run this again'
          : 'see Username, Domain and the password; nothing is sent again before the password is changed or 30 minutes are over',
        'for another dialect, one try each: tsntlm -a NTLM2SR -M URL',
      )
    case 'not-sent':
      return problem(
        `no password was sent: ${trial.error.detail ?? trial.error.message}`,
        trial.error.code === 'AUTH_LOCKED_OUT'
          ? 'correct the password in the configuration, then tsntlm reload; if it is right, and the account was put in order: tsntlm unlock'
          : `see the log of ${label}`,
      )
    case 'unanswered':
      return problem(
        `${label} leaves the logon without an answer: ${trial.error.message}`,
        'its domain controller may be out of reach; the guard counts this as a failed logon for now',
      )
  }
}
