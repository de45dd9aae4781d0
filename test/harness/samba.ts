import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'

const PROGRAM = 'ntlm_auth'

/** True when Samba's ntlm_auth (Debian package winbind) can be run here. */
export function sambaAvailable(): boolean {
  return spawnSync(PROGRAM, ['--version']).status === 0
}

export interface SambaOptions {
  /** The one password that every account has. */
  readonly password: string
  /** Further smb.conf settings as "name=value". */
  readonly settings?: readonly string[]
}

/** The state directories that Samba insists on, all in one folder of their own. */
function writeConfiguration(): { directory: string; file: string } {
  const directory = mkdtempSync(join(tmpdir(), 'tsntlm-samba-'))
  const names = ['private dir', 'lock directory', 'state directory', 'cache directory']
  const lines = [...names, 'pid directory', 'ncalrpc dir'].map(name => {
    const path = join(directory, name.replace(' ', '-'))
    mkdirSync(path)
    return `${name} = ${path}`
  })
  const file = join(directory, 'smb.conf')
  const head = ['[global]', 'workgroup = CORP', 'netbios name = PROXY01']
  writeFileSync(file, [...head, ...lines, ''].join('\n'))
  return { directory, file }
}

/**
 * Samba as the verifying side of NTLM, spoken to over pipes: no domain, no daemon, no network. One
 * line asked, one line answered: `YR <negotiate>` gives `TT <challenge>`, `KK <authenticate>` gives
 * `AF DOMAIN\user` or `NA status`.
 */
export class SambaServer {
  readonly #directory: string
  readonly #process: ChildProcessWithoutNullStreams
  readonly #lines: Interface
  readonly #answers: AsyncIterator<string>

  constructor(options: SambaOptions) {
    const { directory, file } = writeConfiguration()
    this.#directory = directory
    this.#process = spawn(PROGRAM, [
      '--helper-protocol=squid-2.5-ntlmssp',
      `--password=${options.password}`,
      `--configfile=${file}`,
      ...(options.settings ?? []).map(setting => `--option=${setting}`),
    ])
    this.#process.stderr.resume()
    // A program that ended is noticed by the answer that does not come.
    this.#process.stdin.on('error', () => undefined)
    this.#lines = createInterface({ input: this.#process.stdout })
    this.#answers = this.#lines[Symbol.asyncIterator]()
  }

  /** The challenge for a Type 1. */
  async challenge(negotiate: Buffer): Promise<Buffer> {
    const answer = await this.#ask(`YR ${negotiate.toString('base64')}`)
    if (!answer.startsWith('TT ')) throw new Error(`ntlm_auth gave no challenge: ${answer}`)
    return Buffer.from(answer.slice(3), 'base64')
  }

  /** The verdict on a Type 3: "AF DOMAIN\user" or "NA NT_STATUS_...". */
  async verdict(authenticate: Buffer): Promise<string> {
    return this.#ask(`KK ${authenticate.toString('base64')}`)
  }

  /** Ends the program and removes its folder. */
  async close(): Promise<void> {
    const ended = new Promise<void>(resolve => {
      const { exitCode, signalCode } = this.#process
      if (exitCode !== null || signalCode !== null) resolve()
      else this.#process.once('exit', () => resolve())
    })
    this.#process.stdin.end()
    this.#process.kill()
    await ended
    this.#lines.close()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  async #ask(line: string): Promise<string> {
    this.#process.stdin.write(`${line}\n`)
    const { value, done } = await this.#answers.next()
    if (done === true) throw new Error('ntlm_auth ended without an answer')
    return value
  }
}
