import { systemClock } from '../core/index.ts'
import { askControl } from '../control/index.ts'
import type { DrainAnswer } from './control-actions.ts'
import { askRunning, type ControlArguments, findSocket } from './control-client.ts'
import { FAILED, OK } from './exit-code.ts'

export interface DrainArguments extends ControlArguments {
  readonly wait: boolean
}

const LOOK_EVERY_MS = 250
const STATUS_MS = 5_000
/** What the end takes after the grace. */
const EXIT_MS = 10_000

/** `tsntlm drain`: as SIGTERM. Returns when it has begun, or when the process is gone. @returns the exit code. */
export async function drainCommand(
  args: DrainArguments,
  print: (line: string) => void,
  complain: (line: string) => void,
): Promise<number> {
  const reply = await askRunning('drain', args, { method: 'POST', path: '/drain' }, complain)
  if (reply === undefined) return FAILED
  const { graceMs, pid, requests, tunnels } = reply.body as DrainAnswer
  print(
    `process ${pid} stops: ${requests} requests and ${tunnels} tunnels have ${graceMs / 1000} s to finish`,
  )
  if (!args.wait) return OK
  const found = findSocket(args)
  const deadline = systemClock.now() + graceMs + EXIT_MS
  while ('path' in found && systemClock.now() < deadline) {
    if (!(await isServedBy(pid, found.path))) {
      print('it has ended')
      return OK
    }
    await new Promise<void>(resolve => {
      systemClock.setTimer(LOOK_EVERY_MS, resolve, 'process')
    })
  }
  complain(`tsntlm drain: process ${pid} is still there after its time: see its log`)
  return FAILED
}

/** A service manager may have started another one there. */
async function isServedBy(pid: number, path: string): Promise<boolean> {
  const question = { method: 'GET', path: '/status', timeoutMs: STATUS_MS } as const
  const answer = await askControl(path, question)
  if (answer.kind === 'unreachable') return answer.why === 'other' && isThere(pid)
  const { body } = answer
  return typeof body === 'object' && body !== null && 'pid' in body && body.pid === pid
}

/** A connection that breaks off may be the end of the process. */
function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
