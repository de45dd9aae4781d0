import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openClient } from '../harness/http-client.ts'
import { runProduct } from '../harness/product.ts'
import { type Daemon, type Finished, startDaemon } from '../harness/real/run.ts'
import { makeTempDir } from '../harness/temp-dir.ts'

export type Test = Parameters<typeof makeTempDir>[0]

export const BIN = fileURLToPath(new URL('../../bin/tsntlm.js', import.meta.url))

/** A configuration that needs neither account nor upstream. */
export const DIRECT = ['NoProxy *', 'LogFormat json']

export function writeConfig(test: Test, lines: readonly string[]): string {
  const dir = makeTempDir(test)
  const file = join(dir, 'cntlm.conf')
  writeFileSync(file, [...lines, `StateDirectory ${join(dir, 'state')}`, ''].join('\n'), {
    mode: 0o600,
  })
  return file
}

/** Serves until the test ends. */
export async function serve(test: Test, args: readonly string[], script = BIN): Promise<Daemon> {
  // Without what tap loads into children: it writes files at their end, which another user may not.
  const command = ['-u', 'NODE_OPTIONS', process.execPath, script, ...args]
  const daemon = await startDaemon('env', command, output => output.includes('service.started'))
  test.teardown(() => daemon.stop('SIGKILL'))
  return daemon
}

export async function tsntlm(
  args: readonly string[],
  input = '',
): Promise<Finished & { out: string }> {
  const finished = await runProduct(args, { input, timeoutMs: 30_000 })
  return { ...finished, out: finished.stdout.toString() }
}

/** The program under cntlm's name. */
export function linkAsCntlm(test: Test): string {
  const link = join(makeTempDir(test), 'cntlm')
  symlinkSync(BIN, link)
  return link
}

export async function answers(port: number): Promise<boolean> {
  const client = await openClient(port)
  try {
    return (await client.request('GET / HTTP/1.1\nHost: nowhere')).status === 400
  } finally {
    client.destroy()
  }
}
