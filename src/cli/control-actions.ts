import { LOG_LEVELS } from '../config/index.ts'
import type { ControlActions } from '../control/index.ts'
import type { Service, WorkInProgress } from '../service/index.ts'
import type { ProgramLog } from './program-log.ts'
import type { Reloader } from './reloader.ts'

/** The answer to `POST /drain`. */
export interface DrainAnswer {
  readonly pid: number
  readonly graceMs: number
  readonly requests: number
  readonly tunnels: number
}

/** The answer to `POST /unlock`. */
export interface UnlockAnswer {
  /** `DOMAIN\user`; undefined when the configuration has no account. */
  readonly account?: string
  readonly outcome: 'unlocked' | 'open' | 'used up' | 'no account'
}

/** The answer to `GET /tunnels`. */
export interface TunnelsAnswer {
  readonly tunnels: readonly WorkInProgress[]
}

export interface ControlActionsOptions {
  readonly service: Service
  readonly reloader: Reloader
  readonly log: ProgramLog
  readonly stop: () => void
}

/** What the control socket can make the running program do. */
export function controlActions(options: ControlActionsOptions): ControlActions {
  const { service, reloader, log, stop } = options
  const { logger } = log
  let isStopping = false
  return {
    status: async () => {
      await service.look('counts')
      return service.status()
    },
    tunnels: async () => {
      await service.look('work')
      return service.tunnels()
    },
    reload: async () => reloader.reload(),
    drain: async (): Promise<DrainAnswer> => {
      await service.look('counts')
      const { pid, requestsInProgress, state, tunnelsOpen } = service.status()
      // A second signal would cut off the requests that the first one allows to finish.
      if (!isStopping && state !== 'draining') stop()
      isStopping = true
      const { shutdownGraceMs: graceMs } = service
      return { pid, graceMs, requests: requestsInProgress, tunnels: tunnelsOpen }
    },
    logLevel: () => logger.level,
    setLogLevel: level => {
      const known = LOG_LEVELS.find(each => each === level)
      if (known !== undefined) logger.level = known
      return known !== undefined
    },
    reopenLog: () => log.reopen(),
    unlock: (): UnlockAnswer => service.unlock() ?? { outcome: 'no account' },
  }
}
