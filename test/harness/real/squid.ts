import {
  chmod,
  chown,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { program } from './programs.ts'
import { accepts, freePort } from './port.ts'
import { run, startDaemon } from './run.ts'

export interface PolicyOptions {
  /** Users that exist; any when left out. */
  readonly users?: readonly string[]
  /** Wrong passwords until an account is locked; 0 is never. */
  readonly threshold?: number
  /** Milliseconds that each verdict takes, like a slow domain controller. */
  readonly delayMs?: number
}

export interface SquidOptions {
  /**
   * Who verifies: ntlm_auth with a fixed password (`ntlm-local`; inside Negotiate: `negotiate-local`), the same behind a
   * helper that keeps a log of attempts and locks accounts (`policy`), or nobody.
   */
  readonly auth: 'ntlm-local' | 'policy' | 'negotiate-local' | 'none'
  /** Whether the connection survives the first 407 (auth_param keep_alive); yes by default. */
  readonly keepAliveFirst407?: boolean
  readonly policy?: PolicyOptions
  /** Milliseconds until a name that does not exist is given up. */
  readonly dnsMs?: number
  /** A fixed port, to come back where another Squid was. */
  readonly port?: number
}

/** One request as Squid saw it. */
export interface AccessLine {
  readonly client: string
  readonly method: string
  readonly url: string
  readonly status: number
  readonly user: string
}

/** One Type 3 message as the policy helper saw it. */
export interface AuthLine {
  readonly user: string
  readonly domain: string
  readonly dialect: string
  readonly ok: boolean
  readonly verdict: string
  readonly locked: boolean
}

export interface Squid {
  readonly port: number
  /** What `Proxy` in a configuration wants: 127.0.0.1:port. */
  readonly address: string
  accessLog(): Promise<AccessLine[]>
  /** Empty unless `auth` is `policy`. */
  authLog(): Promise<AuthLine[]>
  /** SIGKILL is the proxy that vanishes. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/** The only password that the helpers accept, for any user of the domain CORP. */
export const PASSWORD = 'SecREt01'
export const ORIGIN_HOST = 'origin.demo.test'

const LOG_FORMAT = '%>a:%>p %rm %ru %>Hs %un'

/** Starts a real Squid on a free loopback port; ORIGIN_HOST leads to 127.0.0.1. Its state is a folder that `stop` removes. */
export async function startSquid(options: SquidOptions): Promise<Squid> {
  const port = options.port ?? (await freePort())
  const dir = await mkdtemp(join(tmpdir(), 'tsntlm-squid-'))
  const files = await writeFiles(dir, port, options)
  // One Squid must not meet another's shared memory: the service name tells them apart.
  const service = `t${process.pid}x${port}`
  const daemon = await startDaemon(
    program('squid'),
    ['-N', '-n', service, '-f', files.conf],
    () => accepts(port),
    { cwd: dir },
  )
  let running = true
  return {
    port,
    address: `127.0.0.1:${port}`,
    accessLog: async () => parseAccessLog(await readOrEmpty(files.accessLog)),
    authLog: async () => {
      const lines = (await readOrEmpty(files.authLog)).trim().split('\n').filter(Boolean)
      return lines.map(line => JSON.parse(line) as AuthLine)
    },
    async stop(signal = 'SIGTERM') {
      if (!running) return
      running = false
      await daemon.stop(signal)
      await removeSharedMemory(service)
      await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    },
  }
}

/** What a Squid leaves behind that had no time to clean up. */
async function removeSharedMemory(service: string): Promise<void> {
  const folder = '/dev/shm'
  const names = await readdir(folder).catch(() => [])
  for (const name of names) if (name.startsWith(`${service}-`)) await rm(join(folder, name))
}

interface Files {
  readonly conf: string
  readonly accessLog: string
  readonly authLog: string
}

async function writeFiles(dir: string, port: number, options: SquidOptions): Promise<Files> {
  const at = (name: string): string => join(dir, name)
  const files = { conf: at('squid.conf'), accessLog: at('access.log'), authLog: at('auth.jsonl') }
  const samba = at('samba')
  await mkdir(samba)
  if (options.auth === 'policy') {
    await copyFile(new URL('ntlm-helper-policy.py', import.meta.url), at('helper.py'))
    await chmod(at('helper.py'), 0o755)
  }
  await writeFile(at('hosts'), `127.0.0.1 localhost ${ORIGIN_HOST}\n`)
  await writeFile(at('smb.conf'), smbConf(samba))
  await writeFile(files.conf, squidConf(dir, port, options))
  await giveToProxyUser([dir, samba])
  return files
}

/** As root, Squid and its helpers become the user `proxy`. */
async function giveToProxyUser(folders: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) return
  const ids = await Promise.all(['-u', '-g'].map(flag => run(program('id'), [flag, 'proxy'], {})))
  const [uid, gid] = ids.map(({ stdout }) => Number(stdout.toString()))
  if (uid === undefined || gid === undefined) throw new Error('there is no user proxy')
  for (const folder of folders) await chown(folder, uid, gid)
}

function smbConf(folder: string): string {
  const folders = ['private dir', 'lock directory', 'state directory', 'cache directory']
  return [
    '[global]',
    'workgroup = CORP',
    'netbios name = PROXY',
    'server role = standalone',
    ...[...folders, 'pid directory'].map(name => `${name} = ${folder}`),
    'log level = 0',
    'interfaces = lo',
    'bind interfaces only = yes',
    'ntlm auth = ntlmv2-only',
    'lanman auth = no',
    '',
  ].join('\n')
}

function squidConf(dir: string, port: number, options: SquidOptions): string {
  const { dnsMs = 300 } = options
  return [
    `http_port 127.0.0.1:${port}`,
    ...authLines(dir, options),
    'http_access deny all',
    ...(process.getuid?.() === 0 ? ['cache_effective_user proxy'] : []),
    'cache deny all',
    'cache_mem 8 MB',
    'memory_pools off',
    'visible_hostname squid.demo.test',
    `hosts_file ${dir}/hosts`,
    'dns_nameservers 127.0.0.1',
    // Nobody answers there: a name that the hosts file lacks fails after this time.
    `dns_retransmit_interval ${dnsMs} milliseconds`,
    `dns_timeout ${dnsMs} milliseconds`,
    `pid_filename ${dir}/squid.pid`,
    `logformat test ${LOG_FORMAT}`,
    `access_log stdio:${dir}/access.log test`,
    `cache_log ${dir}/cache.log`,
    'cache_store_log none',
    `coredump_dir ${dir}`,
    'pinger_enable off',
    'netdb_filename none',
    'icp_port 0',
    'htcp_port 0',
    'shutdown_lifetime 0 seconds',
    'forwarded_for on',
    'max_filedescriptors 4096',
    '',
  ].join('\n')
}

function authLines(dir: string, options: SquidOptions): string[] {
  if (options.auth === 'none') return ['http_access allow all']
  const scheme = options.auth === 'negotiate-local' ? 'negotiate' : 'ntlm'
  return [
    `auth_param ${scheme} program ${helperCommand(dir, options)}`,
    `auth_param ${scheme} children 20 startup=4 idle=1`,
    `auth_param ${scheme} keep_alive ${options.keepAliveFirst407 === false ? 'off' : 'on'}`,
    'acl authenticated proxy_auth REQUIRED',
    'http_access allow authenticated',
  ]
}

function helperCommand(dir: string, { auth, policy = {} }: SquidOptions): string {
  const protocol = auth === 'negotiate-local' ? 'gss-spnego' : 'squid-2.5-ntlmssp'
  const ntlmAuth = [
    program('ntlm_auth'),
    `--configfile=${dir}/smb.conf`,
    `--helper-protocol=${protocol}`,
    '--domain=CORP',
    `--password=${PASSWORD}`,
  ]
  if (auth !== 'policy') return ntlmAuth.join(' ')
  return [
    `${dir}/helper.py`,
    ...(policy.users ?? []).map(user => `--user ${user}`),
    `--threshold ${policy.threshold ?? 0}`,
    `--delay-ms ${policy.delayMs ?? 0}`,
    `--state ${dir}/samba/accounts.json`,
    `--log ${dir}/auth.jsonl`,
    '--',
    ...ntlmAuth,
  ].join(' ')
}

/** Connections that never sent a request, as the one that waited for the port, are left out. */
function parseAccessLog(text: string): AccessLine[] {
  return text
    .split('\n')
    .filter(line => line !== '' && !line.includes(' error:'))
    .map(line => {
      const [client = '', method = '', url = '', status = '', user = ''] = line.split(' ')
      return { client, method, url, status: Number(status), user }
    })
}

async function readOrEmpty(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '')
}
