import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { systemClock, systemEntropy } from '../core/index.ts'
import { bugReport } from './courier.ts'
import type { FromWorker, ToWorker } from './messages.ts'
import { Worker } from './worker.ts'

/** This file, as source or built. Importing it outside a worker does nothing. */
export const WORKER_FILE = fileURLToPath(import.meta.url)

// In a single executable the script is the first argument.
const [, script, ...args] = process.argv
const [number] = script === WORKER_FILE ? args : args[0] === WORKER_FILE ? args.slice(1) : []
if (number !== undefined && process.send !== undefined) serve(number)

/** Runs a worker, which lives as long as its parent. */
function serve(number: string): void {
  // Signals go to all processes of a terminal or a unit, and the parent decides what must finish first.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const)
    process.on(signal, () => undefined)
  process.title = `tsntlm worker ${number}`
  const post = (message: FromWorker, onSent: () => void = () => undefined): void => {
    // A parent that no longer listens has ended.
    process.send?.(message, undefined, undefined, onSent)
  }
  const worker = new Worker({ clock: systemClock, entropy: systemEntropy, pid: process.pid, post })
  process.on('uncaughtException', error => {
    const events = [bugReport(error)]
    post({ type: 'report', events, closed: [], inProgress: 0 }, () => process.exit(1))
  })
  process.on('message', (message, socket) => {
    worker.receive(message as ToWorker, socket as Socket | undefined)
  })
  process.on('disconnect', () => {
    worker.destroy()
    process.exit(0)
  })
}
