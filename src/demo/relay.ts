import { type ClientRequest, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import type { HostPort } from '../core/index.ts'

/**
 * Fields of one hop (RFC 9110 section 7.6.1), and Expect, which is answered here. Transfer-Encoding and Trailer stay:
 * node frames the message by them.
 */
const HOP_BY_HOP = new Set([
  'connection',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'upgrade',
])

const VIA = ['Via', '1.1 upstream.demo.test']

function withoutHopByHop(raw: readonly string[], also?: string): string[] {
  const kept: string[] = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const [name = '', value = ''] = [raw[i], raw[i + 1]]
    const key = name.toLowerCase()
    if (!HOP_BY_HOP.has(key) && key !== also) kept.push(name, value)
  }
  return [...kept, ...VIA]
}

function openRequest(
  incoming: IncomingMessage,
  to: HostPort,
  path: string,
  hopFields: readonly string[],
): ClientRequest {
  return request({
    host: to.host,
    port: to.port,
    method: incoming.method ?? 'GET',
    path,
    headers: [...withoutHopByHop(incoming.rawHeaders), ...hopFields],
    agent: false,
    setHost: false,
  })
}

/** An answer that this proxy makes up itself. */
export interface OwnAnswer {
  readonly status: number
  readonly reason: string
  readonly fields: readonly string[]
  readonly body: string
  /** Whether the connection ends with this answer. */
  readonly closes: boolean
}

export function unreachable(to: HostPort): OwnAnswer {
  return {
    status: 503,
    reason: 'Service Unavailable',
    fields: [],
    closes: true,
    body: page('503 Service Unavailable', `Nothing answers at ${to.host}, port ${to.port}.`),
  }
}

export function page(title: string, text: string): string {
  return `<!DOCTYPE html>\n<html><head><title>${title}</title></head>\n<body><h1>${title}</h1><p>${text}</p></body></html>\n`
}

/** All fields of an answer of our own, flat. */
export function fieldsOf({ fields, body, closes }: OwnAnswer): string[] {
  const length = String(Buffer.byteLength(body))
  const connection = closes ? 'close' : 'keep-alive'
  const own = ['Connection', connection, 'Content-Type', 'text/html', 'Content-Length', length]
  return [...fields, ...own]
}

/** The answer as bytes, for a socket that node's server has handed over. */
export function renderAnswer(answer: OwnAnswer): Buffer {
  return Buffer.from(renderHead(answer.status, answer.reason, fieldsOf(answer)) + answer.body)
}

function renderHead(status: number, reason: string, fields: readonly string[]): string {
  let text = `HTTP/1.1 ${status} ${reason}\r\n`
  for (let i = 0; i + 1 < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`
  return `${text}\r\n`
}

/** Relays one request with absolute-form target, bodies streaming both ways. */
export function forwardRequest(
  incoming: IncomingMessage,
  response: ServerResponse,
  to: HostPort,
  path: string,
  onStatus: (status: number) => void,
): void {
  const outgoing = openRequest(incoming, to, path, [])
  response.on('close', () => outgoing.destroy())
  outgoing.on('information', ({ statusCode, headers }) => {
    const link = headers['link']
    if (statusCode === 103 && link !== undefined) response.writeEarlyHints({ link })
  })
  outgoing.on('response', answer => {
    const { statusCode = 502, statusMessage = '' } = answer
    onStatus(statusCode)
    response.writeHead(statusCode, statusMessage, withoutHopByHop(answer.rawHeaders))
    answer.pipe(response, { end: false })
    answer.on('end', () => {
      if (answer.rawTrailers.length > 0) response.addTrailers(pairUp(answer.rawTrailers))
      response.end()
    })
    // A body cut short must not look complete to the client.
    answer.on('error', () => response.destroy())
  })
  outgoing.on('error', () => {
    if (response.headersSent || response.destroyed) return void response.destroy()
    onStatus(503)
    // As with Squid, the connection and its logon outlive the error, unless part of a body is still on its way.
    const own = { ...unreachable(to), closes: !incoming.complete }
    response.writeHead(own.status, own.reason, fieldsOf(own)).end(own.body)
  })
  incoming.pipe(outgoing)
}

function pairUp(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i] ?? '', raw[i + 1] ?? ''])
  return pairs
}

/** Relays a request with Upgrade. After 101 the two connections become one; any other answer ends the client's. */
export function forwardUpgrade(
  incoming: IncomingMessage,
  client: Duplex,
  early: Buffer,
  to: HostPort,
  path: string,
  onStatus: (status: number) => void,
): void {
  const upgrade = ['Connection', 'Upgrade', 'Upgrade', incoming.headers.upgrade ?? '']
  const outgoing = openRequest(incoming, to, path, upgrade)
  let isAnswered = false
  client.on('close', () => outgoing.destroy())
  outgoing.on('upgrade', (answer, origin: Duplex, first: Buffer) => {
    isAnswered = true
    onStatus(101)
    client.write(renderHead(101, answer.statusMessage ?? '', answer.rawHeaders))
    client.write(first)
    origin.write(early)
    splice(client, origin)
  })
  outgoing.on('response', answer => {
    const { statusCode = 502, statusMessage = '' } = answer
    isAnswered = true
    onStatus(statusCode)
    const fields = withoutHopByHop(answer.rawHeaders, 'transfer-encoding')
    client.write(renderHead(statusCode, statusMessage, [...fields, 'Connection', 'close']))
    answer.pipe(client)
    answer.on('error', () => client.destroy())
  })
  outgoing.on('error', () => {
    if (isAnswered) return void client.destroy()
    onStatus(503)
    client.end(renderAnswer(unreachable(to)))
  })
  outgoing.end()
}

/** Dials the target of a CONNECT and relays until both sides have ended. */
export function openTunnel(
  client: Duplex,
  early: Buffer,
  to: HostPort,
  onStatus: (status: number) => void,
): void {
  const origin = connect({ host: to.host, port: to.port, allowHalfOpen: true })
  const refuse = () => {
    onStatus(503)
    client.end(renderAnswer(unreachable(to)))
  }
  origin.once('error', refuse)
  client.on('close', () => origin.destroy())
  origin.once('connect', () => {
    origin.removeListener('error', refuse)
    onStatus(200)
    client.write(renderHead(200, 'Connection established', []))
    origin.write(early)
    splice(client, origin)
  })
}

/** pipe() brings backpressure and passes on the end of each direction alone; a failure ends both. */
function splice(client: Duplex, origin: Duplex): void {
  client.pipe(origin)
  origin.pipe(client)
  origin.on('error', () => client.destroy())
  client.on('error', () => origin.destroy())
  client.on('close', () => origin.destroy())
}
