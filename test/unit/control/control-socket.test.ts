import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import t from 'tap'
import {
  askControl,
  type ControlActions,
  type ControlQuestion,
  openControlSocket,
} from '../../../src/control/index.ts'
import { makeTempDir } from '../../harness/temp-dir.ts'

type Test = Parameters<typeof makeTempDir>[0]

function actionsThat(change: Partial<ControlActions> = {}): ControlActions {
  let level = 'info'
  return {
    status: async () => ({ pid: 42 }),
    tunnels: async () => [{ id: 'ab-1' }],
    reload: async () => ({ taken: true, generation: 2, problems: [] }),
    drain: async () => ({ pid: 42 }),
    logLevel: () => level,
    setLogLevel: asked => {
      if (asked === 'debug') level = asked
      return asked === 'debug'
    },
    reopenLog: () => true,
    unlock: () => ({ outcome: 'open' }),
    ...change,
  }
}

async function open(test: Test, change: Partial<ControlActions> = {}, path?: string) {
  const bugs: unknown[] = []
  const at = path ?? join(makeTempDir(test), 'run/c.sock')
  const options = { actions: actionsThat(change), onBug: (error: unknown) => bugs.push(error) }
  const socket = await openControlSocket(at, options)
  test.teardown(() => socket.close())
  const ask = async (question: Omit<ControlQuestion, 'timeoutMs'>) =>
    askControl(at, { ...question, timeoutMs: 5_000 })
  return { path: at, socket, ask, bugs }
}

t.test('each question has its answer', async t => {
  const { ask } = await open(t)
  const cases = [
    ['GET', '/status', undefined, 200, { pid: 42 }],
    ['GET', '/status?x=1', undefined, 200, { pid: 42 }],
    ['GET', '/tunnels', undefined, 200, { tunnels: [{ id: 'ab-1' }] }],
    ['POST', '/reload', undefined, 200, { taken: true, generation: 2, problems: [] }],
    ['POST', '/drain', undefined, 202, { pid: 42 }],
    ['POST', '/unlock', undefined, 200, { outcome: 'open' }],
    ['POST', '/log/reopen', undefined, 200, { reopened: true }],
    ['GET', '/log-level', undefined, 200, { level: 'info' }],
    ['POST', '/log-level', { level: 'debug' }, 200, { level: 'debug' }],
    ['POST', '/log-level', { level: 'loud' }, 400, { error: 'there is no log level "loud"' }],
    ['POST', '/log-level', { level: 1 }, 400, { error: 'the body must be {"level": "..."}' }],
    ['POST', '/log-level', undefined, 400, { error: 'the body must be {"level": "..."}' }],
    ['GET', '/reload', undefined, 405, { error: '/reload takes POST alone' }],
    ['GET', '/drain', undefined, 405, { error: '/drain takes POST alone' }],
    ['GET', '/unlock', undefined, 405, { error: '/unlock takes POST alone' }],
    ['POST', '/status', undefined, 405, { error: '/status takes GET alone' }],
    ['GET', '/constructor', undefined, 404, { error: /^there is no \/constructor, but \/status/ }],
  ] as const
  for (const [method, path, body, status, expected] of cases) {
    const answer = await ask({ method, path, ...(body && { body }) })
    t.match(answer, { kind: 'answer', status, body: expected }, `${method} ${path}`)
  }
})

t.test('a reload that is refused has a status of its own', async t => {
  const { ask } = await open(t, {
    reload: async () => ({ taken: false, generation: 1, problems: ['f:1: wrong'] }),
  })
  t.match(await ask({ method: 'POST', path: '/reload' }), {
    status: 422,
    body: { taken: false, problems: ['f:1: wrong'] },
  })
})

t.test('an action that throws is a bug, and tells the client nothing of it', async t => {
  const error = new Error('secret')
  const { ask, bugs } = await open(t, {
    status: () => {
      throw error
    },
  })
  t.match(await ask({ method: 'GET', path: '/status' }), {
    status: 500,
    body: { error: 'this is a bug; the log has it' },
  })
  t.strictSame(bugs, [error])
})

/** Sends these bytes and reads to the end. */
async function exchange(path: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const client = connect(path, () => client.write(bytes))
    client.on('data', (chunk: Buffer) => (text += chunk.toString()))
    client.on('error', reject)
    client.on('close', () => resolve(text))
  })
}

t.test('what is too large or no request is refused', async t => {
  const { path, bugs } = await open(t)
  const post = (length: number, body: string): string =>
    `POST /log-level HTTP/1.1\r\nContent-Length: ${length}\r\n\r\n${body}`
  t.match(await exchange(path, post(5000, 'x'.repeat(5000))), /^HTTP\/1\.1 413 /)
  t.match(await exchange(path, post(1, '{')), /^HTTP\/1\.1 400 [^]*the body is not JSON/)
  t.match(await exchange(path, `GET /${'x'.repeat(9000)} HTTP/1.1\r\n\r\n`), /^HTTP\/1\.1 431 /)
  t.match(await exchange(path, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /)
  t.match(await exchange(path, 'GET /status HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 200 [^]*"pid":42/)
  t.strictSame(bugs, [])
})

t.test(
  'the socket and its directory are for their owner alone, and it goes with its end',
  async t => {
    const { path, socket } = await open(t)
    t.equal(statSync(path).mode & 0o777, 0o600)
    t.equal(statSync(join(path, '..')).mode & 0o777, 0o700)
    socket.close()
    t.equal(existsSync(path), false)
  },
)

t.test('the rights of a directory that was there stay', async t => {
  const dir = makeTempDir(t)
  chmodSync(dir, 0o755)
  const { path } = await open(t, {}, join(dir, 'c.sock'))
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(statSync(dir).mode & 0o777, 0o755)
})

t.test('what a dead process left is replaced', async t => {
  const path = join(makeTempDir(t), 'c.sock')
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', script], { env: {} })
  t.equal(existsSync(path), true)
  const question = { method: 'GET', path: '/status', timeoutMs: 5_000 } as const
  t.match(await askControl(path, question), { kind: 'unreachable', why: 'dead' })
  const { ask } = await open(t, {}, path)
  t.match(await ask({ method: 'GET', path: '/status' }), { status: 200 })
})

t.test('what is alive, or no socket, is not replaced', async t => {
  const dir = makeTempDir(t)
  const { path, ask } = await open(t, {}, join(dir, 'c.sock'))
  const options = { actions: actionsThat(), onBug: () => undefined }
  const live = /c\.sock cannot be opened: another process listens there/
  await t.rejects(openControlSocket(path, options), { code: 'CONFIG', detail: live })
  t.match(await ask({ method: 'GET', path: '/status' }), { status: 200 }, 'the first one serves on')
  const file = join(dir, 'file')
  writeFileSync(file, 'precious')
  await t.rejects(openControlSocket(file, options), { code: 'CONFIG', detail: /is no socket/ })
  const below = join(file, 'c.sock')
  await t.rejects(openControlSocket(below, options), { code: 'CONFIG', detail: /cannot be opened/ })
})

t.test('who cannot be asked is told apart', async t => {
  const dir = makeTempDir(t)
  const question = { method: 'GET', path: '/status', timeoutMs: 100 } as const
  const missing = await askControl(join(dir, 'none'), question)
  t.match(missing, { kind: 'unreachable', why: 'missing' })
  const silent = createServer(() => undefined)
  const path = join(dir, 'silent')
  await new Promise<void>(resolve => void silent.listen(path, resolve))
  t.teardown(() => {
    silent.close()
    silent.closeAllConnections()
  })
  const answer = await askControl(path, question)
  t.match(answer, { kind: 'unreachable', why: 'other', text: 'no answer within 0.1 s' })
})

t.test('connections that say nothing, or read no answer, keep nobody out', async t => {
  const { path, ask } = await open(t, {
    tunnels: async () => [{ much: 'x'.repeat(500_000) }],
  })
  const cases = [
    ['silent', ''],
    ['half a request', 'GET /status HTTP/1.1\r\nX-A: '],
    ['no reader', 'GET /tunnels HTTP/1.1\r\n\r\n'],
  ] as const
  for (const [name, bytes] of cases) {
    const clients = await Promise.all(
      Array.from({ length: 60 }, async () => {
        const client = connect(path).on('error', () => undefined)
        t.teardown(() => client.destroy())
        await new Promise<void>(resolve => void client.once('connect', resolve))
        if (bytes !== '')
          await new Promise<void>(resolve => void client.write(bytes, () => resolve()))
        return client
      }),
    )
    t.match(await ask({ method: 'GET', path: '/status' }), { status: 200 }, name)
    for (const client of clients) client.destroy()
  }
})
