import { spawn } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { formatHostPort, systemClock, systemEntropy } from '../core/index.ts'
import type { Ports, Ran } from '../doctor/index.ts'
import { resolveAll, tcpDialer } from '../net/index.ts'
import { type BuildInput, ownLogon } from '../service/index.ts'
import { tryLogon } from '../upstream/index.ts'
import { openGuardStore } from './guard-file.ts'

/** Docker's client waits long for an engine that does not answer. */
const PROGRAM_MS = 10_000
/** Nobody writes his proxy behind this. */
const LONGEST_FILE = 1024 * 1024

/** The host as it is. `input` is what the configuration comes to; undefined when it cannot be used. */
export function systemPorts(
  input: BuildInput | undefined,
  complain: (line: string) => void,
): Ports {
  const timeoutMs = input?.config.connectTimeoutMs ?? 3_000
  return {
    clock: systemClock,
    dialer: tcpDialer({ clock: systemClock, timeoutMs }),
    resolve: resolveAll,
    run: runProgram,
    read,
    mode,
    environment: process.env,
    healthCommand: address => [
      process.execPath,
      ...process.execArgv,
      process.argv[1] ?? '',
      ...['health', '--proxy', formatHostPort(address)],
    ],
    logOn: input === undefined ? undefined : logonOf(input, complain),
  }
}

function logonOf(input: BuildInput, complain: (line: string) => void): Ports['logOn'] {
  const { alternative, config, configChangedAtMs, credentials, secretOrigin = '' } = input
  if (credentials === undefined) return undefined
  return async (options, { scheme }) => {
    if (scheme === undefined) throw new Error('there is no scheme to log on with')
    const { identity } = ownLogon({
      credentials,
      alternative,
      negotiateFlags: config.negotiateFlags,
      budget: config.logonBudget,
      configChangedAtMs,
      secretOrigin,
      guardStore: openGuardStore(config, undefined, complain),
      clock: systemClock,
      entropy: systemEntropy,
      emit: () => undefined,
    })
    return tryLogon(options, scheme, identity)
  }
}

/** Runs in the C locale, because the output is parsed. */
async function runProgram(program: string, args: readonly string[]): Promise<Ran | undefined> {
  const path = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`
  const child = spawn(program, args, {
    env: { ...process.env, PATH: path, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PROGRAM_MS,
  })
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []]
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  return new Promise(resolve => {
    child.once('error', () => resolve(undefined))
    child.once('close', code => {
      const [out, err] = [stdout, stderr].map(chunks => Buffer.concat(chunks).toString())
      resolve({ code: code ?? undefined, stdout: out ?? '', stderr: err ?? '' })
    })
  })
}

function read(path: string): string | undefined {
  try {
    // The files of /proc have no length.
    if (statSync(path).size > LONGEST_FILE) return undefined
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function mode(path: string): number | undefined {
  try {
    return statSync(path).mode & 0o777
  } catch {
    return undefined
  }
}
