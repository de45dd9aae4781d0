import { setTimeout as sleep } from 'node:timers/promises'
import { framingOf, type Head, readBody } from './messages.ts'
import type { Wire } from './wire.ts'

type Behaviour = (wire: Wire, head: Head) => Promise<unknown>

const MALFORMED = [
  'HTTP/1.1 200 OK\r\nSet-Cookie: a=\x01b\x00\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n',
  'HTTP/1.1 200 OK\r\nno field\r\n\r\n',
  'not HTTP at all\r\n\r\n',
] as const

const PAGE = 'x'.repeat(64 * 1024)
const LARGE = 8 * 1024 * 1024

/** Web servers behind the upstream that storms ask for, by their host names; each ends the connection. */
const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  'hang.test': wire => wire.drain(),
  'page.test': async wire => {
    await wire.write(`HTTP/1.1 200 OK\r\nContent-Length: ${PAGE.length}\r\n\r\n${PAGE}`)
  },
  'malformed.test': async (wire, { first }) => {
    await wire.write(MALFORMED[Number(/[0-9]+/.exec(first)?.[0]) % MALFORMED.length]!)
    await wire.drain()
  },
  'part.test': async wire => {
    await wire.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n${PAGE}`)
    wire.reset()
  },
  'upload-reset.test': async wire => {
    await wire.some()
    wire.reset()
  },
  'early.test': async wire => {
    await wire.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n')
    wire.end()
    await sleep(20)
    wire.reset()
  },
  'unavailable.test': async (wire, head) => {
    await readBody(wire, framingOf(head, 'none'), () => undefined)
    await wire.write('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n')
  },
  'patient.test': (wire, head) => readBody(wire, framingOf(head, 'none'), () => undefined),
}

/** @returns whether the request was for one of them. */
export async function misbehave(wire: Wire, head: Head): Promise<boolean> {
  const host = /^\S+ (?:http:\/\/)?([a-z-]+\.test)/.exec(head.first)?.[1] ?? ''
  const behaviour = BEHAVIOURS[host]
  await behaviour?.(wire, head)
  return behaviour !== undefined
}
