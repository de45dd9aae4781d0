import { readdirSync } from 'node:fs'
import t from 'tap'
import { ORIGIN_NAME, startNtlmUpstream, startOrigin } from '../../src/demo/index.ts'
import { openClient, type RawClient } from '../harness/http-client.ts'
import { ALICE } from '../harness/playbook.ts'
import { type Product, startProduct } from '../harness/product.ts'
import { until } from '../harness/real/until.ts'

const TARGET = `${ORIGIN_NAME}:80`
const GET = 'GET /hello HTTP/1.1\nHost: a'
const CONNECT = `CONNECT ${TARGET} HTTP/1.1\nHost: ${TARGET}`

const origin = await startOrigin()
t.teardown(() => origin.close())
const upstream = await startNtlmUpstream({ accounts: [ALICE], resolve: origin.resolve })
t.teardown(() => upstream.close())

type Test = Pick<typeof t, 'equal'>

async function start(descriptors: number, more: readonly string[]) {
  const product = await startProduct({
    config: [
      `Username ${ALICE.user}`,
      `Domain ${ALICE.domain}`,
      `Password ${ALICE.password}`,
      // A name: it has to be looked up for each connection.
      `Proxy localhost:${upstream.address.port}`,
      ...more,
    ],
    descriptors,
  })
  t.teardown(() => product.stop())
  return product
}

/** Opens a tunnel and keeps it; tells its status, or 0 when the connection was closed without an answer. */
async function openTunnel(port: number, kept: RawClient[]): Promise<number> {
  const client = await openClient(port)
  client.socket.on('error', () => undefined)
  kept.push(client)
  return client.request(CONNECT).then(
    ({ status }) => status,
    () => 0,
  )
}

function countOf<T>(values: readonly T[], value: T): number {
  return values.filter(each => each === value).length
}

/** Waits until it has no more than `most` descriptors, and a new tunnel can be opened. */
async function recovers(t: Test, { pid, port }: Product, most: number): Promise<void> {
  await until('its connections to be gone', () => (descriptorsOf(pid) <= most ? true : undefined))
  const again: RawClient[] = []
  t.equal(await openTunnel(port, again), 200)
  for (const client of again) client.destroy()
}

function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

function limitsIn(product: Product): unknown[] {
  const lines = product.log().filter(({ event }) => event === 'client.refused')
  return lines.map(line => line['limit'])
}

t.test('MaxClients auto stays below the limit of descriptors and tells clients so', async t => {
  const product = await start(256, [])
  const before = descriptorsOf(product.pid)
  const kept: RawClient[] = []
  t.equal(await openTunnel(product.port, kept), 200)
  const statuses = await Promise.all(
    Array.from({ length: 160 }, () => openTunnel(product.port, kept)),
  )
  t.equal(countOf(statuses, 200), 63, 'a quarter of the descriptors are clients')
  t.ok(countOf(statuses, 503) >= 32)
  t.equal(countOf(statuses, 200) + countOf(statuses, 503) + countOf(statuses, 0), 160)
  t.match(await kept[0]!.request(GET), { status: 200 }, 'the tunnels work on')
  for (const client of kept) client.destroy()
  await recovers(t, product, before + 5)
  t.same(new Set(limitsIn(product)), new Set(['MaxClients']))
  t.ok(limitsIn(product).length <= 6, 'the log has the first of them')
  t.equal(await product.stop(), 0)
})

/** How many clients and requests the log has as refused, also those that one line stands for. */
function refusedFor(product: Product, limit: string): number {
  return product
    .log()
    .filter(line => line.event === 'client.refused' && line['limit'] === limit)
    .reduce((sum, line) => sum + Number(line['repeats'] ?? 1), 0)
}

t.test(
  'at the limit of descriptors clients are refused, each is counted, and the upstream is not blamed',
  async t => {
    const product = await start(128, ['MaxClients 1000'])
    const before = descriptorsOf(product.pid)
    const kept: RawClient[] = []
    t.equal(await openTunnel(product.port, kept), 200)
    const silent: RawClient[] = []
    for (let at = 0; at < 150; at++) {
      const client = await openClient(product.port)
      client.socket.on('error', () => undefined)
      silent.push(client)
    }
    t.ok(await silent.at(-1)!.reader.closed(), 'there is no descriptor for it')
    const answers = await Promise.all(
      silent.map(async client =>
        client.request(CONNECT).then(
          ({ status, text }) => ({ status, text }),
          () => ({ status: 0, text: '' }),
        ),
      ),
    )
    const statuses = answers.map(({ status }) => status)
    t.match(answers.find(({ status }) => status === 503)?.text, /no file descriptor left/)
    t.match(await kept[0]!.request(GET), { status: 200 }, 'the tunnel works on')
    for (const client of [...kept, ...silent]) client.destroy()
    await recovers(t, product, before + 5)
    const events = product.log().map(({ event }) => event)
    for (const event of ['upstream.down', 'upstream.failed', 'bug']) t.notOk(events.includes(event))
    t.same(new Set(limitsIn(product)), new Set(['descriptors']))
    process.kill(product.pid, 'SIGTERM')
    await until('its last line', () =>
      product.log().some(({ event }) => event === 'service.stopped') ? true : undefined,
    )
    const lost = countOf(statuses, 0) + countOf(statuses, 503)
    t.ok(countOf(statuses, 0) > 30)
    await until('the count of all', () =>
      refusedFor(product, 'descriptors') === lost ? true : undefined,
    )
    t.equal(await product.stop(), 0)
  },
)
