import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accepts, freePort } from './port.ts'
import { program } from './programs.ts'
import { startDaemon } from './run.ts'

export interface Cntlm {
  readonly port: number
  stop(): Promise<void>
}

/** Starts Debian's cntlm with these lines of configuration and a Listen of its own: the program to compare with. */
export async function startCntlm(lines: readonly string[]): Promise<Cntlm> {
  const port = await freePort()
  const dir = await mkdtemp(join(tmpdir(), 'tsntlm-cntlm-'))
  const config = join(dir, 'cntlm.conf')
  await writeFile(config, [...lines, `Listen 127.0.0.1:${port}`, ''].join('\n'), { mode: 0o600 })
  const daemon = await startDaemon(program('cntlm'), ['-f', '-c', config], () => accepts(port))
  return {
    port,
    async stop() {
      await daemon.stop('SIGTERM', 2000)
      await rm(dir, { recursive: true, force: true })
    },
  }
}
