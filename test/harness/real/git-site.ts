import { spawn } from 'node:child_process'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { program } from './programs.ts'
import { run } from './run.ts'

export interface GitSite {
  readonly httpPort: number
  readonly httpsPort: number
  /** The commit that a clone must have as HEAD. */
  readonly head: string
  stop(): Promise<void>
}

export interface GitSiteOptions {
  readonly key: string
  readonly cert: string
  /** What the one file of the repository holds. */
  readonly content: Buffer
}

/** Serves /repo.git by git's own http-backend, for clone and push, over http and https. */
export async function startGitSite(options: GitSiteOptions): Promise<GitSite> {
  const root = await mkdtemp(join(tmpdir(), 'tsntlm-git-'))
  const head = await makeRepository(root, options.content)
  const listener: RequestListener = (request, response) => serve(root, request, response)
  const servers = [createServer(listener), createSecureServer(options, listener)]
  for (const server of servers) {
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  }
  const [httpPort = 0, httpsPort = 0] = servers.map(s => (s.address() as AddressInfo).port)
  return {
    httpPort,
    httpsPort,
    head,
    async stop() {
      for (const server of servers) {
        server.closeAllConnections()
        server.close()
      }
      await rm(root, { recursive: true, force: true })
    },
  }
}

async function makeRepository(root: string, content: Buffer): Promise<string> {
  const work = join(root, 'work')
  const identity = ['-c', 'user.name=A Person', '-c', 'user.email=person@demo.test']
  const git = async (cwd: string, ...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(program('git'), args, { cwd })
    if (code !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`)
    return stdout.toString().trim()
  }
  await git(root, 'init', '-q', '-b', 'main', work)
  await writeFile(join(work, 'content'), content)
  await git(work, 'add', 'content')
  await git(work, ...identity, 'commit', '-q', '-m', 'Content')
  await git(root, 'clone', '-q', '--bare', work, 'repo.git')
  await git(join(root, 'repo.git'), 'config', 'http.receivepack', 'true')
  return git(work, 'rev-parse', 'HEAD')
}

/** The Common Gateway Interface (RFC 3875) as far as git http-backend needs it. */
function serve(root: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://origin.demo.test')
  const header = (name: string): string => String(request.headers[name] ?? '')
  const child = spawn(program('git'), ['http-backend'], {
    env: {
      ...process.env,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: header('content-type'),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      GIT_PROTOCOL: header('git-protocol'),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  child.stdin.on('error', () => undefined)
  request.pipe(child.stdin)
  const output: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  child.on('close', () => answer(Buffer.concat(output), response))
}

function answer(output: Buffer, response: ServerResponse): void {
  const end = output.indexOf('\r\n\r\n')
  for (const line of output.subarray(0, end).toString().split('\r\n')) {
    const [name = '', value = ''] = line.split(': ')
    if (name === 'Status') response.statusCode = Number.parseInt(value, 10)
    else response.setHeader(name, value)
  }
  response.end(output.subarray(end + 4))
}
