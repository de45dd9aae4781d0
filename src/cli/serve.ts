import { availableParallelism, homedir } from 'node:os'
import type { Config, Directive } from '../config/index.ts'
import type { ControlSocket } from '../control/index.ts'
import { type Emit, formatHostPort, systemClock, systemEntropy } from '../core/index.ts'
import type { Statistics } from '../observe/index.ts'
import {
  becomeUser,
  type BuildInput,
  chooseStateDirectory,
  createNotifier,
  fileGuardStore,
  type Identity,
  type InheritedSocket,
  makeDirectoryFor,
  newNames,
  type Notifier,
  removePidFile,
  sendBySystemdNotify,
  Service,
  writePidFile,
} from '../service/index.ts'
import { Crew, launchWorker } from '../workers/index.ts'
import { createAdmin, moveAdmin } from './admin.ts'
import { notifyParent } from './background.ts'
import { controlActions } from './control-actions.ts'
import { chooseControlSocket, openControl } from './control-serve.ts'
import { FAILED, OK } from './exit-code.ts'
import type { ProgramLog } from './program-log.ts'
import { createReloader } from './reloader.ts'
import { type StopCause, watchSignals } from './signals.ts'
import { controllingTerminal, hangupListener } from './terminal.ts'
import { readVersion } from './version.ts'

export interface Surroundings {
  readonly config: string | undefined
  readonly overrides: readonly Directive[]
  readonly pidFile: string | undefined
  /** cntlm's init scripts stop it with SIGHUP. */
  readonly stopsOnHangup: boolean
  readonly sockets: readonly InheritedSocket[]
  readonly identity: Identity | undefined
  readonly log: ProgramLog
  readonly emit: Emit
  readonly statistics: Statistics
}

/** Serves until it is stopped. @returns the exit code. @throws ProxyError CONFIG. */
export async function serve(input: BuildInput, outer: Surroundings): Promise<number> {
  const admin = createAdmin({ clock: systemClock, service: () => service, emit: outer.emit })
  const emit: Emit = event => {
    admin.observe(event)
    outer.emit(event)
  }
  const surroundings = { ...outer, emit }
  const { identity, log, pidFile, stopsOnHangup } = surroundings
  const service = makeService(input, surroundings)
  const socket = chooseControlSocket(input.config.controlSocket, identity)
  const systemd = notifierOf(emit)
  const signals = watchSignals(['SIGTERM', 'SIGINT', ...(stopsOnHangup ? ['SIGHUP' as const] : [])])
  const announce = async (): Promise<void> => systemd.ready(describePorts(service))
  const reloader = createReloader(service, {
    ...surroundings,
    admin,
    started: input.config,
    onBegin: async () => systemd.reloading(),
    onEnd: announce,
  })
  const stop = (): void => signals.stop('control socket')
  const actions = controlActions({ service, reloader, log, stop })
  process.on('SIGUSR2', () => log.reopen())
  let control: ControlSocket | undefined
  try {
    const opened = await moveAdmin(admin, input.config)
    opened.commit()
    const started = service.start()
    // Without a listener SIGHUP ends the process, and its sender may know from the log that it is ready: early signals are deferred.
    const reload = (): void => {
      started.then(
        () => reloader.reload(),
        () => undefined,
      )
    }
    if (!stopsOnHangup) {
      const terminal = controllingTerminal()
      const stop = (): void => signals.stop('closed terminal')
      process.on('SIGHUP', hangupListener({ clock: systemClock, terminal, reload, stop }))
    }
    await started
    if (identity !== undefined) becomeUser(identity)
    await service.startWorkers()
    // Created as the user who will have to remove it.
    control = await openControl(socket, actions, emit)
    if (pidFile !== undefined) writePidFile(pidFile, process.pid)
    notifyParent({ type: 'ready' })
    void announce()
    const first = await signals.next()
    const graceMs = service.shutdownGraceMs
    void systemd.stopping(graceMs)
    return await drain(service, first, graceMs, signals.next())
  } finally {
    control?.close()
    service.destroy()
    admin.close()
    await service.whenAlone()
    if (pidFile !== undefined) removePidFile(pidFile, process.pid)
  }
}

function makeService(
  input: BuildInput,
  { emit, identity, sockets, statistics }: Surroundings,
): Service {
  const directory = chooseStateDirectory({
    configured: input.config.stateDirectory,
    env: process.env,
    isRoot: process.getuid?.() === 0,
    home: homedir(),
  })
  if (identity !== undefined) makeDirectoryFor(identity, directory)
  const names = newNames(systemEntropy)
  const size = processesFor(input.config)
  const workforce =
    size === 1
      ? undefined
      : new Crew({
          clock: systemClock,
          size,
          names,
          launch: number => launchWorker(number, { clock: systemClock, env: process.env }),
        })
  return new Service(input, {
    names,
    workforce,
    clock: systemClock,
    entropy: systemEntropy,
    emit,
    guardStore: fileGuardStore(directory, systemEntropy, emit),
    inheritedSockets: sockets,
    statistics,
    program: { version: readVersion(), pid: process.pid },
  })
}

/** Each of them takes 60 MB: a host with many processors does not have them for its proxy alone. */
const MOST_BY_ITSELF = 4

function processesFor({ maxHandshakes, maxSessions, workers }: Config): number {
  if (workers !== 'auto') return workers
  return Math.min(availableParallelism(), MOST_BY_ITSELF, maxHandshakes, maxSessions)
}

function describePorts({ addresses, waiting }: Service): string {
  const parts = [
    ['listening on', addresses.map(formatHostPort)],
    ['waiting for', waiting],
  ] as const
  return parts
    .filter(([, list]) => list.length > 0)
    .map(([what, list]) => `${what} ${list.join(', ')}`)
    .join('; ')
}

function notifierOf(emit: Emit): Notifier {
  return createNotifier({
    env: process.env,
    pid: process.pid,
    clock: systemClock,
    send: sendBySystemdNotify,
    monotonicUs: () => process.hrtime.bigint() / 1000n,
    onFailure: reason => emit({ type: 'service.notifyFailed', reason }),
  })
}

/** The first signal lets work finish, the second one ends at once. */
async function drain(
  service: Service,
  first: StopCause,
  graceMs: number,
  second: Promise<StopCause>,
): Promise<number> {
  const drained = service.drain(first, graceMs).then(() => OK)
  const cutShort = second.then(() => {
    service.destroy()
    return FAILED
  })
  return Promise.race([drained, cutShort])
}
