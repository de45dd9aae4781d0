import { ask, download, upload } from './client-faults.ts'
import { overTls } from './dial.ts'
import { readBody, readHead, statusOf } from './messages.ts'
import type { Plan, Seen } from './plan.ts'
import type { Wire } from './wire.ts'

/** A tunnel by CONNECT or SOCKS5, perhaps with TLS inside, or an Upgrade. @returns why it failed. */
export async function stream(
  wire: Wire,
  plan: Plan,
  target: string,
  seen: Seen,
): Promise<string | undefined> {
  const opening = plan.kind === 'socks5' ? bySocks : byHttp
  const failure = await opening(wire, plan, target, seen)
  if (failure !== undefined || seen.left) return failure
  const inner = plan.kind === 'tls' ? overTls(wire) : wire
  await inner.write(`T ${plan.id}\n`)
  if (plan.fault === 'origin-half-closes') await readAll(inner, plan, seen)
  await upload(inner, plan, seen)
  if (plan.fault === 'client-half-closes') inner.end()
  if (plan.fault !== 'origin-half-closes') await readAll(inner, plan, seen)
  inner.end()
  return seen.isWhole ? undefined : `cut short (${inner.ending})`
}

async function byHttp(
  wire: Wire,
  plan: Plan,
  target: string,
  seen: Seen,
): Promise<string | undefined> {
  const isUpgrade = plan.kind === 'websocket'
  const lines = isUpgrade
    ? [
        `GET http://${target}/t/${plan.id} HTTP/1.1`,
        `Host: ${target}`,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ]
    : [`CONNECT ${target} HTTP/1.1`, `Host: ${target}`]
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
  if (!(await ask(wire, plan, head, seen))) return undefined
  const answer = await readHead(wire)
  if (answer === undefined) return `no answer (${wire.ending})`
  const status = statusOf(answer)
  return status === (isUpgrade ? 101 : 200) ? undefined : `status ${status}`
}

/** RFC 1928, without a logon and by name. */
async function bySocks(
  wire: Wire,
  plan: Plan,
  target: string,
  seen: Seen,
): Promise<string | undefined> {
  await wire.write(Buffer.of(5, 1, 0))
  if ((await wire.exactly(2))?.readUInt16BE() !== 0x0500)
    return `no SOCKS5 greeting (${wire.ending})`
  const [host = '', port] = target.split(':')
  const request = Buffer.concat([
    Buffer.of(5, 1, 0, 3, host.length),
    Buffer.from(host),
    Buffer.of(Number(port) >> 8, Number(port) & 0xff),
  ])
  if (!(await ask(wire, plan, request, seen))) return undefined
  const reply = await wire.exactly(10)
  if (reply === undefined) return `no SOCKS5 reply (${wire.ending})`
  return reply[1] === 0 ? undefined : `SOCKS5 reply ${reply[1]}`
}

/** The end alone says that a stream is whole, but that of TLS may be anybody's, and one is unclear after the client's own. */
async function readAll(wire: Wire, plan: Plan, seen: Seen): Promise<void> {
  const hasEnded = await readBody(wire, { kind: 'close' }, download(wire, plan, seen))
  const isAll = seen.received === plan.download
  seen.isWhole = plan.kind === 'tls' ? isAll : hasEnded || (wire.ending === 'unclear' && isAll)
}
