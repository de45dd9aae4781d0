import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { freePort } from '../harness/real/port.ts'
import { until } from '../harness/real/until.ts'
import { makeTempDir } from '../harness/temp-dir.ts'
import { answers, DIRECT, serve, type Test, tsntlm, writeConfig } from './program.ts'

/** A running program, and its configuration with lines added. */
async function start(test: Test, lines: readonly string[]) {
  const dir = makeTempDir(test)
  const port = await freePort()
  const own = [`Listen 127.0.0.1:${port}`, `ControlSocket ${join(dir, 'c.sock')}`]
  const config = writeConfig(test, [...own, ...lines])
  const rest = readFileSync(config, 'utf8')
  // Of two lines the first counts.
  const write = (more: readonly string[]): void =>
    writeFileSync(config, [...more, ...DIRECT, rest].join('\n'))
  write([])
  const daemon = await serve(test, ['-c', config])
  const reloadWith = async (...more: readonly string[]) => {
    write(more)
    return tsntlm(['reload', '-c', config])
  }
  return { daemon, dir, port, reloadWith }
}

t.test('a configuration with a port that another program has starts, and reloads', async t => {
  const busy = createServer()
  await new Promise<void>(resolve => busy.listen(0, '127.0.0.1', resolve))
  t.teardown(() => busy.close())
  const address = busy.address()
  const taken = typeof address === 'object' && address !== null ? address.port : 0
  const { daemon, port, reloadWith } = await start(t, [`Listen 127.0.0.1:${taken}`])
  const again = await reloadWith()
  t.match(again, { code: 0, out: 'configuration number 2 is in use\n' })
  t.match(again.stderr, new RegExp(`cannot listen on 127\\.0\\.0\\.1:${taken}: .*in use`))
  t.ok(await answers(port))
  const bound = daemon.output().match(/"listener\.bound","address":"[^"]*"/g)
  t.strictSame(bound, [`"listener.bound","address":"127.0.0.1:${port}"`], 'nothing else is told')
  t.equal(await daemon.stop(), 0)
})

t.test('a reload takes over where the log goes and in which form', async t => {
  const { daemon, dir, port, reloadWith } = await start(t, [])
  const [one, two] = [join(dir, 'one'), join(dir, 'two')]
  const textOf = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '')
  const linesIn = (text: string): number => text.match(/"status":400| 400 in=/g)?.length ?? 0
  /** Makes a request, and waits for its line. */
  const arrives = async (where: string, text: () => string): Promise<void> => {
    const before = linesIn(text())
    t.ok(await answers(port))
    await until(where, () => linesIn(text()) > before || undefined)
  }
  await arrives('a line on standard output', () => daemon.output())
  t.match(await reloadWith(`LogFile ${one}`), { code: 0, stderr: '' })
  const onStandardOutput = daemon.output()
  await arrives('a line in the first file', () => textOf(one))
  const refused = await reloadWith(`LogFile ${join(dir, 'nowhere', 'log')}`)
  t.match(refused, { code: 1, stderr: /the log file cannot be opened: ENOENT/ })
  await arrives('a line where it was before', () => textOf(one))
  t.match(await reloadWith(`LogFile ${two}`), { code: 0, stderr: '' })
  const inFirst = textOf(one)
  await arrives('a line in the second file', () => textOf(two))
  t.match(textOf(two), /^\{[^]*\}\n$/)
  t.equal(textOf(one), inFirst)
  t.equal(daemon.output(), onStandardOutput)
  t.match(await reloadWith('LogFormat text'), { code: 0 })
  await arrives('a line on standard output again', () => daemon.output())
  t.equal(await daemon.stop(), 0)
  t.match(daemon.output(), /Z info {2}stopped aborted=0\n$/, 'in its new form')
})
