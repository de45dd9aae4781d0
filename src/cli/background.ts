import { spawn } from 'node:child_process'
import type { Secret } from '../core/index.ts'
import { FAILED, OK } from './exit-code.ts'
import { openSyslog } from './syslog.ts'

/** What the process in the background tells the one that waits for it. */
type Notice = { readonly type: 'ready' } | { readonly type: 'complaint'; readonly line: string }

/**
 * Starts the program once more, in a session of its own, and waits until it serves, as the parent half of cntlm's fork does.
 * Its log goes to syslog; what it complains about until then is handed on.
 * @param password goes to its standard input, which nobody else can read.
 * @returns the exit code: 0 when it serves, 1 when it ended instead.
 */
export async function startInBackground(
  args: readonly string[],
  password: Secret<string> | undefined,
  complain: (line: string) => void,
): Promise<number> {
  const script = process.argv[1] ?? ''
  const syslog = await openSyslog('cntlm')
  const child = spawn(process.execPath, [...process.execArgv, script, ...args], {
    // So that no file system is kept from being unmounted.
    cwd: '/',
    detached: true,
    stdio: [password === undefined ? 'ignore' : 'pipe', syslog?.input ?? 'ignore', 'ignore', 'ipc'],
  })
  syslog?.release()
  // A program that ends without reading its input closes the pipe; its exit code tells the story.
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(password === undefined ? '' : `${password.reveal()}\n`)
  return new Promise(resolve => {
    child.once('error', error => {
      complain(`the background process cannot be started: ${error.message}`)
      resolve(FAILED)
    })
    child.once('exit', () => resolve(FAILED))
    child.on('message', message => {
      if (!isNotice(message)) return
      if (message.type === 'complaint') return complain(message.line)
      child.unref()
      child.disconnect()
      resolve(OK)
    })
  })
}

/** Tells the process that waits for this one, if there is one. */
export function notifyParent(notice: Notice): void {
  // It may be gone: that is no reason to stop serving.
  if (process.connected) process.send?.(notice, undefined, undefined, () => undefined)
}

function isNotice(message: unknown): message is Notice {
  if (typeof message !== 'object' || message === null || !('type' in message)) return false
  if (message.type === 'ready') return true
  return message.type === 'complaint' && 'line' in message && typeof message.line === 'string'
}
