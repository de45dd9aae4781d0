import yargs, { type Options } from 'yargs'
import { checkCommand } from './check.ts'
import { controlCommands } from './control-commands.ts'
import { FAILED } from './exit-code.ts'
import { explainCommand } from './explain.ts'
import { FLAGS } from './flags.ts'
import { hashCommand } from './hash.ts'
import { healthCommand } from './health.ts'
import { migrateCommand } from './migrate.ts'
import { isGiven, type RunFlags } from './run-flags.ts'
import { type Invocation, namesCommand } from './invocation.ts'
import { readVersion } from './version.ts'

const PROXY_OPTION = {
  type: 'string',
  requiresArg: true,
  describe: 'HOST:PORT of tsntlm, instead of what the configuration says',
} as const satisfies Options

/**
 * A command, the help, or a command line that is wrong; serving is none of these, and needs nothing of what is here. Sets the exit
 * code.
 */
export async function runCommandLine(
  argv: readonly string[],
  { complain, flags, print, program }: Invocation,
): Promise<void> {
  const exitWith = (code: number): void => void (process.exitCode = code)
  const isCommand = namesCommand(program, flags)
  const base = yargs(isCommand ? [...argv] : helpWords(flags))
    // An option that is there twice means its last value, as with getopt(3).
    .parserConfiguration({
      'duplicate-arguments-array': false,
      'boolean-negation': false,
      'dot-notation': false,
    })
    .scriptName('tsntlm')
    .usage(
      `${program} [OPTION ...] [HOST:PORT | HOST PORT] ...\n\n` +
        'An NTLM authenticating local proxy. Reads an existing cntlm.conf as it is; options beat it.\n' +
        'HOST and PORT name upstream proxies. Letters may be put together (-vfc FILE), and values attached (-l3128).',
    )
    .option('config', {
      alias: 'c',
      type: 'string',
      global: true,
      requiresArg: true,
      describe: 'default: /etc/tsntlm.conf, then /etc/cntlm.conf',
    })
  const parser = controlCommands(base, print, complain, exitWith)
    .command(
      '$0',
      'run the proxy (the default)',
      // The options are here for the help: FLAGS has parsed them already.
      command => {
        command.group(['config', 'help', 'version'], 'Process:')
        return command.options(helpOptions())
      },
      () => {
        throw new UsageError(flags.line.errors.join('\n'))
      },
    )
    .command(
      'check',
      'check the configuration and print all problems',
      command =>
        command
          .option('strict', {
            type: 'boolean',
            default: false,
            describe: 'warnings count as errors',
          })
          .option('show', {
            type: 'boolean',
            default: false,
            describe: 'print the effective configuration, without secrets',
          }),
      async args =>
        exitWith(
          await checkCommand(
            { config: args.config, strict: args.strict, show: args.show },
            print,
            complain,
          ),
        ),
    )
    .command(
      'explain <target>',
      'say where a request would go, and which rule says so; nothing is connected to',
      command =>
        command.positional('target', {
          type: 'string',
          demandOption: true,
          describe: 'a URL, or host:port',
        }),
      async args =>
        exitWith(
          await explainCommand({ config: args.config, target: args.target }, print, complain),
        ),
    )
    .command(
      'pac <script> <url...>',
      'ask a Pac script, a file or a URL, where requests would go',
      command =>
        command
          .positional('script', {
            type: 'string',
            demandOption: true,
            describe: 'a file, or an http or https URL',
          })
          .positional('url', {
            type: 'string',
            array: true,
            demandOption: true,
            describe: 'a URL, host:port of a CONNECT, or a host',
          }),
      async args => {
        const { pacCommand } = await import('./pac.ts')
        // Of a list of words yargs keeps the last one, as of an option that is there twice.
        const targets = flags.line.operands.slice(2)
        exitWith(await pacCommand({ script: args.script, targets }, print, complain))
      },
    )
    .command(
      'hash',
      'print PassNT, PassNTLMv2 and PassLM lines for a password that is asked for or read from standard input',
      command =>
        command
          .option('user', {
            alias: 'u',
            type: 'string',
            describe: 'account; otherwise Username of the configuration',
          })
          .option('domain', {
            alias: 'd',
            type: 'string',
            describe: 'domain; otherwise Domain of the configuration',
          }),
      async args =>
        exitWith(
          await hashCommand(
            {
              config: args.config,
              user: args.user,
              domain: args.domain,
              keepsPassword: false,
              password: undefined,
            },
            print,
            complain,
          ),
        ),
    )
    .command(
      'setup [target]',
      'show or write what another program needs to use tsntlm; without a target list them',
      command =>
        command
          .positional('target', { type: 'string', describe: 'what to set up: docker, git ...' })
          .option('write', {
            type: 'boolean',
            default: false,
            describe: 'write the files instead of showing them, with a backup',
          })
          .option('undo', {
            type: 'boolean',
            default: false,
            describe: 'take back what --write wrote',
          })
          .option('proxy', PROXY_OPTION)
          .option('root', {
            type: 'string',
            default: '/',
            requiresArg: true,
            describe: 'work below DIR, for images',
          })
          .option('daemon-json', {
            type: 'boolean',
            default: false,
            describe: 'docker: /etc/docker/daemon.json instead of a systemd drop-in',
          }),
      async args => {
        const { setupCommand } = await import('./setup.ts')
        exitWith(
          setupCommand(
            {
              config: args.config,
              proxy: args.proxy,
              target: args.target,
              write: args.write,
              undo: args.undo,
              root: args.root,
              daemonJson: args['daemon-json'],
            },
            print,
            complain,
          ),
        )
      },
    )
    .command(
      'env',
      'print the proxy variables for a shell: eval "$(tsntlm env)"',
      command =>
        command
          .option('unset', {
            type: 'boolean',
            default: false,
            describe: 'print what removes them',
          })
          .option('shell', {
            choices: ['sh', 'fish', 'powershell'] as const,
            default: 'sh' as const,
            describe: 'whose syntax',
          })
          .option('proxy', PROXY_OPTION),
      async args => {
        const { envCommand } = await import('./env.ts')
        exitWith(
          envCommand(
            { config: args.config, proxy: args.proxy, shell: args.shell, unset: args.unset },
            print,
            complain,
          ),
        )
      },
    )
    .command(
      'health',
      'check that the tsntlm that runs with this configuration responds; exit code 0 or 1',
      command => command.option('proxy', PROXY_OPTION),
      async args =>
        process.exit(
          await healthCommand({ config: args.config, proxy: args.proxy }, print, complain),
        ),
    )
    .command(
      'doctor',
      'check everything between a container and the web, and say what to do; nothing is changed',
      command =>
        command
          .option('container', {
            type: 'string',
            requiresArg: true,
            describe: 'look from inside of it too: a container, a process id, a network namespace',
          })
          .option('url', {
            type: 'string',
            requiresArg: true,
            describe: 'try a tunnel to this host through tsntlm, and look at its certificate',
          })
          .option('no-logon', {
            type: 'boolean',
            default: false,
            describe: 'do not try the password (otherwise once, and only if the guard allows)',
          })
          .option('json', { type: 'boolean', default: false, describe: 'for programs' }),
      async args => {
        const { doctorCommand } = await import('./doctor.ts')
        const { config, container, json, url } = args
        const asked = { config, container, json, url, logon: !args['no-logon'] }
        process.exit(await doctorCommand(asked, print, complain))
      },
    )
    .command(
      'demo',
      'show it at work on an embedded NTLM proxy and web server',
      command =>
        command
          .option('exit', {
            type: 'boolean',
            default: false,
            describe: 'end after the requests instead of staying up',
          })
          .option('port', {
            type: 'number',
            default: 0,
            describe: 'port to listen on; 0 takes a free one',
          })
          .check(({ port }) => isPort(port) || '--port must be between 0 and 65535'),
      async args => {
        const { demoCommand } = await import('./demo.ts')
        process.exit(await demoCommand({ exit: args.exit, port: args.port }, print, complain))
      },
    )
    .command(
      'migrate <file>',
      'print what is different from cntlm for a cntlm.conf, line by line',
      command =>
        command
          .positional('file', { type: 'string', demandOption: true, describe: 'the cntlm.conf' })
          .option('all', {
            type: 'boolean',
            default: false,
            describe: 'also the lines that mean what they mean with cntlm',
          }),
      args => exitWith(migrateCommand({ file: args.file, all: args.all }, print, complain)),
    )
    .version(readVersion())
    .alias('help', 'h')
    .strict()
    .wrap(100)
    .exitProcess(false)
    .showHelpOnFail(false)
    .fail((message, error: unknown) => {
      const isMistake = error instanceof Error && error.name !== 'YError'
      throw isMistake ? error : new UsageError(error instanceof Error ? error.message : message)
    })
  try {
    await parser.parseAsync()
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    complain(`${program}: ${error.message}\nTry: ${program} --help`)
    exitWith(FAILED)
  }
}

/** What yargs says of a wrong command line; thrown, because otherwise the command would run all the same. */
class UsageError extends Error {}

/** What is left for yargs of a command line without a command: a mistake beats the help, as with getopt(3). */
function helpWords({ line }: RunFlags): string[] {
  if (line.errors.length > 0) return []
  return ['help', 'version'].filter(long => isGiven(line, long)).map(long => `--${long}`)
}

/** Without a type yargs writes none behind each line. */
function helpOptions(): Record<string, Options> {
  const others = FLAGS.filter(({ long }) => !['config', 'help', 'version'].includes(long))
  return Object.fromEntries(
    others.map(({ letter, long, argument, group, doc }) => [
      long,
      {
        ...(letter === undefined ? {} : { alias: letter }),
        group: `${group}:`,
        describe: argument === undefined ? doc : `${argument}  ${doc}`,
      },
    ]),
  )
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65535
}
