import { basename } from 'node:path'
import { notifyParent } from './background.ts'
import { FAILED } from './exit-code.ts'
import { isToServe } from './invocation.ts'
import { readRunFlags } from './run-flags.ts'
import { type ProgramName, startCommand } from './start.ts'

/** The program: serves, or runs a command and sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = programName(process.argv[1])
  const print = (line: string): void => {
    outliveReader()
    process.stdout.write(`${line}\n`)
  }
  const complain = (line: string): void => {
    process.stderr.write(`${line}\n`)
    notifyParent({ type: 'complaint', line })
  }
  // Without a listener node opens its debugger on a port when SIGUSR1 comes, and the debugger can read the password.
  process.on('SIGUSR1', () => undefined)
  const flags = readRunFlags(argv)
  if (isToServe(program, flags)) {
    // Sockets of a cut-off drain may linger: the command is over, so is the process.
    process.exit(await startCommand(program, flags, print, complain))
  }
  outliveReader()
  // Loading modules that serving does not need would take a third of the time until the ports are open.
  const { runCommandLine } = await import('./command-line.ts')
  await runCommandLine(argv, { program, flags, print, complain })
}

/** A reader may stop early (`| head`). A serving process does not touch process.stdout: see observe/standard-output.ts. */
function outliveReader(): void {
  if (process.stdout.listenerCount('error') === 0)
    process.stdout.on('error', () => process.exit(FAILED))
}

/** bin/cntlm.js, or a link of that name to the program. */
function programName(script: string | undefined): ProgramName {
  return basename(script ?? '', '.js') === 'cntlm' ? 'cntlm' : 'tsntlm'
}
