import { readFileSync } from 'node:fs'
import yargs from 'yargs'
import type { Directive } from '../config/index.ts'
import { checkCommand } from './check.ts'
import { FAILED } from './exit-code.ts'
import { hashCommand } from './hash.ts'
import { runCommand } from './run.ts'

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const
const LOG_FORMATS = ['auto', 'json', 'text'] as const

/** The command line: runs a command and sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const print = (line: string): void => void process.stdout.write(`${line}\n`)
  const complain = (line: string): void => void process.stderr.write(`${line}\n`)
  // Without a listener node opens its debugger on a port when SIGUSR1 comes, and the debugger can read the password.
  process.on('SIGUSR1', () => undefined)
  const exitWith = (code: number): void => void (process.exitCode = code)
  // A reader that has seen enough (`| head`) is no mistake.
  process.stdout.on('error', () => process.exit(FAILED))
  const parser = yargs([...argv])
    // An option that is there twice means its last value, as with getopt(3).
    .parserConfiguration({
      'duplicate-arguments-array': false,
      'boolean-negation': false,
      'dot-notation': false,
    })
    .scriptName('tsntlm')
    .usage(
      '$0 [--config FILE]\n\nAn NTLM authenticating local proxy. Reads an existing cntlm.conf as it is.',
    )
    .option('config', {
      alias: 'c',
      type: 'string',
      global: true,
      requiresArg: true,
      describe: 'default: /etc/tsntlm.conf, then /etc/cntlm.conf',
    })
    .command(
      '$0',
      'run the proxy (the default)',
      command =>
        command
          .option('log-level', { choices: LOG_LEVELS, describe: 'overrides LogLevel' })
          .option('log-format', { choices: LOG_FORMATS, describe: 'overrides LogFormat' }),
      async args => {
        const overrides = [
          ...override('LogLevel', args.logLevel),
          ...override('LogFormat', args.logFormat),
        ]
        const code = await runCommand({ config: args.config, overrides }, complain)
        // Sockets of a cut-off drain may linger: the command is over, so is the process.
        process.exit(code)
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
      args =>
        exitWith(
          checkCommand(
            { config: args.config, strict: args.strict, show: args.show },
            print,
            complain,
          ),
        ),
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
            { config: args.config, user: args.user, domain: args.domain },
            print,
            complain,
          ),
        ),
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
    complain(`tsntlm: ${error.message}\nTry: tsntlm --help`)
    exitWith(FAILED)
  }
}

/** What yargs says of a wrong command line; thrown, because otherwise the command would run all the same. */
class UsageError extends Error {}

function override(name: string, value: string | undefined): Directive[] {
  return value === undefined
    ? []
    : [{ name, value, origin: { source: 'argv', line: 0, column: 0 } }]
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65535
}

function readVersion(): string {
  const file = new URL('../../package.json', import.meta.url)
  const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'))
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed
    ? String(parsed.version)
    : 'unknown'
}
