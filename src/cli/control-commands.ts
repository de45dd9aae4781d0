import type { Argv } from 'yargs'

const SOCKET_OPTION = {
  type: 'string',
  requiresArg: true,
  describe: 'control socket, instead of what the configuration says',
} as const

type Line = (line: string) => void

/** The commands that ask the running program. */
export function controlCommands(
  parser: Argv<{ config: string | undefined }>,
  print: Line,
  complain: Line,
  exitWith: (code: number) => void,
): Argv<{ config: string | undefined }> {
  return parser
    .command(
      'status',
      'show what the running tsntlm does; exit code 0, 1 without an answer, 3 when no upstream can be used',
      command =>
        command
          .option('socket', SOCKET_OPTION)
          .option('json', { type: 'boolean', default: false, describe: 'for programs' })
          .option('watch', {
            type: 'boolean',
            default: false,
            describe: 'again every 2 seconds',
          }),
      async ({ config, json, socket, watch }) => {
        const { statusCommand } = await import('./status.ts')
        exitWith(await statusCommand({ config, json, socket, watch }, print, complain))
      },
    )
    .command(
      'tunnels',
      'list open tunnels and requests in progress',
      command =>
        command
          .option('socket', SOCKET_OPTION)
          .option('json', { type: 'boolean', default: false, describe: 'for programs' }),
      async ({ config, json, socket }) => {
        const { tunnelsCommand } = await import('./tunnels.ts')
        exitWith(await tunnelsCommand({ config, json, socket }, print, complain))
      },
    )
    .command(
      'reload',
      'make the running tsntlm read its configuration again, and say what became of it',
      command => command.option('socket', SOCKET_OPTION),
      async ({ config, socket }) => {
        const { reloadCommand } = await import('./reload.ts')
        exitWith(await reloadCommand({ config, socket }, print, complain))
      },
    )
    .command(
      'drain',
      'make the running tsntlm finish what is open, accept nothing more, and end',
      command =>
        command
          .option('socket', SOCKET_OPTION)
          .option('wait', { type: 'boolean', default: false, describe: 'until it has ended' }),
      async ({ config, socket, wait }) => {
        const { drainCommand } = await import('./drain.ts')
        exitWith(await drainCommand({ config, socket, wait }, print, complain))
      },
    )
    .command(
      'log-level [level]',
      'show or change what the running tsntlm logs, until it reads its configuration again',
      command =>
        command.option('socket', SOCKET_OPTION).positional('level', {
          type: 'string',
          describe: 'fatal, error, warn, info, debug, trace',
        }),
      async ({ config, level, socket }) => {
        const { logLevelCommand } = await import('./log-level.ts')
        exitWith(await logLevelCommand({ config, level, socket }, print, complain))
      },
    )
    .command(
      'reopen-log',
      'make the running tsntlm open its log file anew, for logrotate',
      command => command.option('socket', SOCKET_OPTION),
      async ({ config, socket }) => {
        const { reopenLogCommand } = await import('./reopen-log.ts')
        exitWith(await reopenLogCommand({ config, socket }, complain))
      },
    )
    .command(
      'unlock',
      'after the account was put in order in the directory: have the running tsntlm send the password once more',
      command => command.option('socket', SOCKET_OPTION),
      async ({ config, socket }) => {
        const { unlockCommand } = await import('./unlock.ts')
        exitWith(await unlockCommand({ config, socket }, print, complain))
      },
    )
}
