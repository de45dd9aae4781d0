import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openClient } from '../harness/http-client.ts'
import { freePort } from '../harness/real/port.ts'
import { until } from '../harness/real/until.ts'
import { makeTempDir } from '../harness/temp-dir.ts'
import { DIRECT, serve, tsntlm, writeConfig } from './program.ts'

async function get(port: number, path: string): Promise<{ status: number; text: string }> {
  const client = await openClient(port)
  try {
    return await client.request(`GET ${path} HTTP/1.1\nHost: 127.0.0.1:${port}`)
  } finally {
    client.destroy()
  }
}

t.test('Admin is there when the program is ready, and its page with all its parts', async t => {
  const admin = await freePort()
  const file = writeConfig(t, [...DIRECT, `Listen ${await freePort()}`, `Admin ${admin}`])
  const daemon = await serve(t, ['-c', file])
  t.match(await get(admin, '/readyz'), { status: 200, text: 'ready\n' })
  t.match(await get(admin, '/metrics'), { status: 200, text: /^tsntlm_build_info\{version="\d/m })
  const { text: page } = await get(admin, '/')
  const parts = [...page.matchAll(/(?:src|href)="(\/[^"]*)"/g)].map(([, path = '']) => path)
  t.ok(parts.length > 3)
  for (const path of parts) {
    const { status, text } = await get(admin, path)
    t.equal(status, 200, path)
    for (const [, module = ''] of text.matchAll(/^(?:import|\}) .*from '\.(\/[^']+)'/gm))
      t.equal((await get(admin, module)).status, 200, module)
  }
  t.equal(await daemon.stop(), 0)
})

t.test('a port that is taken is an error at the start, and names itself', async t => {
  const taken = await freePort()
  await serve(t, ['-c', writeConfig(t, [...DIRECT, `Listen ${taken}`])])
  const lines = [...DIRECT, `Listen ${await freePort()}`, `Admin ${taken}`]
  const { code, stderr } = await tsntlm(['-c', writeConfig(t, lines)])
  t.equal(code, 1)
  t.match(stderr, new RegExp(`Admin cannot be served on 127\\.0\\.0\\.1:${taken}: .*EADDRINUSE`))
})

t.test('a reload moves it, and one that cannot leaves it where it is', async t => {
  const [port, first, taken] = [await freePort(), await freePort(), await freePort()]
  await serve(t, ['-c', writeConfig(t, [...DIRECT, `Listen ${taken}`])])
  const socket = join(makeTempDir(t), 'admin.sock')
  const file = writeConfig(t, [...DIRECT, `Listen ${port}`, `Admin ${first}`])
  const daemon = await serve(t, ['-c', file])
  const reloadWith = async (line: string, event: string): Promise<void> => {
    writeFileSync(file, [...DIRECT, `Listen ${port}`, line, ''].join('\n'))
    const count = (): number => daemon.output().split(event).length
    const before = count()
    process.kill(daemon.pid, 'SIGHUP')
    await until(event, () => (count() > before ? true : undefined))
  }
  await reloadWith(`Admin ${taken}`, 'config.rejected')
  t.match(daemon.output(), /Admin cannot be served on/)
  const { text } = await get(first, '/metrics')
  t.match(text, /^tsntlm_config_reloads_total\{result="refused"\} 1$/m)
  t.match(text, /^tsntlm_config_last_reload_successful 0$/m)
  await reloadWith(`Admin unix:${socket}`, 'admin.closed')
  t.equal(statSync(socket).mode & 0o777, 0o660)
  await t.rejects(get(first, '/livez'))
  await reloadWith(`Admin ${first}`, 'admin.closed')
  t.match((await get(first, '/metrics')).text, /result="taken"\} 2$/m, 'counts go on')
  t.notOk(existsSync(socket))
  t.equal(await daemon.stop(), 0)
})
