import { type Arrived, type House, isLogonCheck } from './house.ts'
import { fieldValues } from '../harness/content.ts'
import type { RawClient, RawResponse } from '../harness/http-client.ts'
import type { Side } from './duel.ts'

/**
 * All that is not compared. What is left out here is either of one hop, or tsntlm's own, or bound to a port; each
 * has cases of its own in which it is not left out.
 *
 * - Via: RFC 9110 section 7.6.3 wants it of a proxy; cntlm writes none.
 * - Connection, Proxy-Connection, Keep-Alive, Transfer-Encoding: they speak of one hop. What they lead to is compared.
 * - the place of Host, which each adds at another end.
 * - Proxy-Authorization: the messages differ in their random parts; dialects.test.ts reads them.
 * - requests that were answered 407, and tsntlm's logon check: they are steps of a logon.
 * - the version in a status line: tsntlm answers as the HTTP/1.1 server that it is.
 * - ports.
 */
const HOP = /^(via|connection|proxy-connection|keep-alive|transfer-encoding|proxy-authorization):/i

/** A request line, the fields that are compared, and the body, as one text. */
export function readable(side: Side, { head, body, trailers }: Arrived): string {
  const [line = '', ...fields] = head.split('\r\n')
  const kept = fields.filter(field => !HOP.test(field))
  const isHost = (field: string): boolean => /^host:/i.test(field)
  const ordered = [...kept.filter(isHost), ...kept.filter(field => !isHost(field))]
  return withoutPorts(side, [line, ...ordered, ...(body === '' ? [] : ['', body]), trailers.trim()])
}

function withoutPorts(side: Side, lines: readonly string[]): string {
  const names = Object.entries(side.place)
  return names
    .reduce((text, [name, port]) => text.replaceAll(`:${port}`, `:<${name}>`), lines.join('\n'))
    .trim()
}

/** The requests that got through, in the order of their arrival; those of a logon are left out. */
export function served(side: Side, house: House = side.upstream): string[] {
  const all = house.take().filter(({ head, isDemanded }) => !isLogonCheck(head) && !isDemanded)
  return all.filter(request => !isFirstLeg(request)).map(request => readable(side, request))
}

/** Whether it showed a NEGOTIATE: what carries it is answered with a challenge and comes again. */
function isFirstLeg({ head }: Arrived): boolean {
  const [credentials = ''] = fieldValues(head, 'proxy-authorization')
  return Buffer.from(credentials.replace(/^\S+ /, ''), 'base64')[8] === 1
}

/** The usual answer of an upstream and of an origin. */
export const HELLO = '200 OK\nContent-Type: text/plain\nContent-Length: 5\n\nhello'

export const CLOSED = 'closed without an answer'

/**
 * What a client saw of an answer: its status, the fields that are compared, and the body, as one text. Of pages of
 * tsntlm's own there is the status and the code of docs/errors.md; how they read is tested elsewhere.
 */
function outcomeOf(side: Side, response: RawResponse): string {
  const { status, reason, head, body } = response
  const line = `${status} ${reason}`.trim()
  const [proxyStatus = ''] = response.values('proxy-status')
  if (proxyStatus.startsWith('tsntlm;')) {
    return `${line} (${/error ([A-Z_]+)\.\n$/.exec(response.text)?.[1] ?? 'no code'})`
  }
  const fields = head
    .split('\r\n')
    .slice(1)
    .filter(field => !HOP.test(field))
  const text = body.toString('latin1')
  return withoutPorts(side, [line, ...fields, ...(text === '' ? [] : ['', text])])
}

/** The status line alone. */
export function statusOf(outcome: string): string {
  return outcome.split('\n')[0] ?? ''
}

/** One answer on an open connection; an end or a reset before its first byte is no answer. */
export async function readOutcome(side: Side, client: RawClient, method?: string): Promise<string> {
  try {
    return outcomeOf(side, await client.readResponse(method))
  } catch (error) {
    if (error instanceof Error && error.message.endsWith('after ""')) return CLOSED
    throw error
  }
}

/** Sends the lines of a head with what follows. */
export function send(client: RawClient, head: string, body: string | Buffer = ''): void {
  client.send(`${head.trim().replaceAll('\n', '\r\n')}\r\n\r\n`)
  if (body.length > 0) client.send(body)
}

/** A request on a connection of its own, and what comes back. */
export async function ask(side: Side, head: string, body: string | Buffer = ''): Promise<string> {
  const client = await side.open()
  send(client, head, body)
  return readOutcome(side, client, head.trim().split(' ')[0])
}
