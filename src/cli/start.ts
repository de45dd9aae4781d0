import type { Directive } from '../config/index.ts'
import type { Secret } from '../core/index.ts'
import { startInBackground } from './background.ts'
import { detectCommand } from './detect.ts'
import { FAILED } from './exit-code.ts'
import { hashCommand } from './hash.ts'
import { readPassword } from './prompt.ts'
import { runCommand } from './run.ts'
import {
  argvDirective,
  backgroundArguments,
  blankPasswords,
  isGiven,
  lastValue,
  type RunFlags,
  showsPassword,
} from './run-flags.ts'

/** Under which name the program was called: cntlm's users expect a daemon. */
export type ProgramName = 'tsntlm' | 'cntlm'

/** What the command line without a command asks for: serving here or in the background, or cntlm's `-H` and `-M`. @returns the exit code. */
export async function startCommand(
  program: ProgramName,
  flags: RunFlags,
  print: (line: string) => void,
  complain: (line: string) => void,
): Promise<number> {
  const { line, directives } = flags
  hidePasswords(program, flags, complain)
  if (isGiven(line, 'print-hashes')) {
    return hashCommand(hashArguments(flags), print, complain)
  }
  const password = await obtainPassword(flags)
  if (password === 'none came') {
    complain(`${program}: no password was given`)
    return FAILED
  }
  const overrides =
    password === undefined
      ? directives
      : [...directives, argvDirective('Password', password.reveal())]
  const url = lastValue(line, 'detect')
  if (url !== undefined) {
    return detectCommand(
      {
        program,
        url,
        config: lastValue(line, 'config'),
        overrides,
        isDialectGiven: isGiven(line, 'auth'),
        runAs: lastValue(line, 'run-as'),
      },
      print,
      complain,
    )
  }
  if (program === 'cntlm' && !staysInForeground(flags)) {
    const args = backgroundArguments(line, password !== undefined)
    return startInBackground(args, password, complain)
  }
  if (isGiven(line, 'serial')) complain(`${program}: --serial has no effect: there are no threads`)
  return runCommand(
    {
      config: lastValue(line, 'config'),
      overrides,
      logFile: lastValue(line, 'log-file'),
      pidFile: lastValue(line, 'pid-file'),
      runAs: lastValue(line, 'run-as'),
      stopsOnHangup: program === 'cntlm',
    },
    complain,
  )
}

/** Setting the title overwrites the memory of argv on Linux, which is what ps and /proc show. */
function hidePasswords(
  program: ProgramName,
  { line }: RunFlags,
  complain: (line: string) => void,
): void {
  if (!showsPassword(line)) return
  process.title = [program, ...blankPasswords(line)].join(' ')
  // In the background: the process that waits has said so already.
  if (process.connected) return
  complain(
    `${program}: a password on the command line can be read by other users: use -I, -p - or the configuration file`,
  )
}

function hashArguments({
  line,
  directives,
  password,
}: RunFlags): Parameters<typeof hashCommand>[0] {
  const find = (name: string): string | undefined =>
    directives.findLast((directive: Directive) => directive.name === name)?.value
  return {
    config: lastValue(line, 'config'),
    user: find('Username'),
    domain: find('Domain'),
    keepsPassword: true,
    password: typeof password === 'object' ? password : undefined,
  }
}

async function obtainPassword({
  password,
}: RunFlags): Promise<Secret<string> | undefined | 'none came'> {
  if (typeof password !== 'string') return password
  return (await readPassword('Password: ')) ?? 'none came'
}

function staysInForeground({ line }: RunFlags): boolean {
  return ['foreground', 'verbose', 'log-file'].some(long => isGiven(line, long))
}
