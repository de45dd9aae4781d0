import t from 'tap'
import { NtlmAcceptor } from '../../src/demo/index.ts'
import { fieldValues } from '../harness/content.ts'
import { skipUnless } from '../harness/real/programs.ts'
import type { Script } from '../harness/scripted-upstream.ts'
import { basics, better, type Case, compare, hangs, same, type Side, startDuel } from './duel.ts'
import { ACCOUNT, type House } from './house.ts'
import { ask, HELLO, readOutcome, send, statusOf } from './normal.ts'

const GET = 'GET http://127.0.0.1:{}/a HTTP/1.1\nHost: 127.0.0.1:{}'
const BASIC = `Authorization: Basic ${Buffer.from('alice:wonder-4711').toString('base64')}`

function fill(side: Side, head: string): string {
  return head.replaceAll('{}', `${side.place.origin}`)
}

interface Demands {
  readonly password?: string
  /** What a 401 offers in place of NTLM. */
  readonly offers?: readonly string[]
  /** Ends the connection with the first 401. */
  readonly closes?: boolean
}

/** A web server that demands NTLM of each connection. */
function demandNtlm401(
  house: House,
  { password, offers = ['NTLM'], closes = false }: Demands = {},
): Script {
  return async conn => {
    const account = { ...ACCOUNT, ...(password === undefined ? {} : { password }) }
    const acceptor = new NtlmAcceptor({ accounts: [account], sendTimestamp: false })
    let isIn = false
    for (;;) {
      const request = await house.next(conn)
      if (request === undefined) return
      const [field = ''] = fieldValues(request.head, 'authorization')
      const [, text = ''] = /^NTLM (\S+)$/.exec(field) ?? []
      const token = Buffer.from(text, 'base64')
      let schemes = offers
      if (token[8] === 1) schemes = [`NTLM ${acceptor.challenge(token).toString('base64')}`]
      if (token[8] === 3) {
        const verdict = acceptor.verify(token)
        house.verdicts.push(verdict)
        isIn = verdict.ok
      }
      if (isIn) {
        await house.answer(conn, request)
        continue
      }
      const ends = closes && token.length === 0
      const body = request.head.startsWith('HEAD ') ? '' : 'log on'
      conn.respond('401 Unauthorized', body, [
        ...schemes.map(scheme => `WWW-Authenticate: ${scheme}`),
        ...(ends ? ['Connection: close'] : ['Connection: keep-alive']),
      ])
      if (ends) return conn.end()
    }
  }
}

/** What the client got: the status, and who is asked for. */
function seen(side: Side, answer: string): string[] {
  const offers = answer.split('\n').filter(line => /^www-authenticate/i.test(line))
  const place = `${side.place.origin}`
  return [statusOf(answer), ...offers.map(line => line.replace(place, '<origin>'))]
}

/** The methods that arrived, with the step of the logon that each carried and the bytes of its body. */
function steps(side: Side): string[] {
  return side.origin.take().map(({ head, body }) => {
    const [field = ''] = fieldValues(head, 'authorization')
    const [scheme = '', text = ''] = field.split(' ')
    const step = scheme === 'NTLM' ? ` NTLM ${Buffer.from(text, 'base64')[8]}` : ` ${scheme}`
    return `${head.split(' ')[0]}${step.trimEnd()}${body === '' ? '' : ` ${body}`}`
  })
}

const asks =
  (demands: Demands, head = GET, body = '') =>
  async (side: Side) => {
    side.origin.hangUp()
    side.origin.script = demandNtlm401(side.origin, demands)
    const answer = await ask(side, fill(side, head), body)
    return [...seen(side, answer), steps(side)]
  }

const POST = `${GET.replace('GET', 'POST')}\nContent-Length: 3`
const LOGON = ['GET', 'GET NTLM 1', 'GET NTLM 3']
const ASKED = 'WWW-Authenticate: Basic realm="127.0.0.1:<origin>"'

const CLEAR = 'anybody on the way can read it'

const cases: Case[] = [
  same('a GET logs on with the account of the configuration', asks({}), ['200 OK', LOGON]),
  same('a HEAD logs on', asks({}, GET.replace('GET', 'HEAD')), [
    '200 OK',
    ['HEAD', 'HEAD NTLM 1', 'HEAD NTLM 3'],
  ]),
  hangs('a body', 'it is kept until the logon is done', asks({}, POST, 'abc'), [
    '200 OK',
    ['POST abc', 'POST NTLM 1', 'POST NTLM 3 abc'],
  ]),
  hangs('a connection that ends with the 401', 'a new one will do', asks({ closes: true }), [
    '200 OK',
    LOGON,
  ]),
  same('a demand for Negotiate alone goes to the client', asks({ offers: ['Negotiate'] }), [
    '401 Unauthorized',
    'WWW-Authenticate: Negotiate',
    ['GET'],
  ]),
  same('NTLM is found behind Negotiate', asks({ offers: ['Negotiate', 'NTLM'] }), [
    '200 OK',
    LOGON,
  ]),
  better(
    'the offers of an origin that refuses the account are lost',
    'a client may be able to log on itself',
    asks({ password: 'another' }),
    {
      cntlm: ['401 Access denied', ASKED, LOGON],
      tsntlm: ['401 Unauthorized', 'WWW-Authenticate: NTLM', ASKED, LOGON],
    },
  ),
  better(
    'a page that is forbidden to the account costs a logon with each request',
    'each counts as a wrong password where it is one',
    async side => {
      const once = asks({ password: 'another' })
      await once(side)
      const [status] = await once(side)
      return [status, side.origin.verdicts.length]
    },
    { cntlm: ['401 Access denied', 2], tsntlm: ['401 Unauthorized', 1] },
  ),
  same(
    'a client that keeps its connection keeps the logon',
    async side => {
      side.origin.script = demandNtlm401(side.origin)
      const client = await side.open()
      const answers: string[] = []
      for (let i = 0; i < 2; i++) {
        send(client, fill(side, GET))
        answers.push(await readOutcome(side, client))
      }
      return [answers, steps(side)]
    },
    [
      [HELLO, HELLO],
      [...LOGON, 'GET'],
    ],
  ),
  better(
    "a client's Basic credentials that log on with NTLM go out in clear text too",
    CLEAR,
    asks({}, `${GET}\n${BASIC}`),
    { cntlm: ['200 OK', ['GET Basic', ...LOGON.slice(1)]], tsntlm: ['200 OK', LOGON] },
  ),
  better(
    "a client's Basic credentials go out before they are asked for",
    CLEAR,
    asks({ offers: ['Basic realm="x"'] }, `${GET}\n${BASIC}`),
    {
      cntlm: ['401 Unauthorized', 'WWW-Authenticate: Basic realm="x"', ['GET Basic']],
      tsntlm: ['401 Unauthorized', 'WWW-Authenticate: Basic realm="x"', ['GET', 'GET Basic']],
    },
  ),
  better(
    "a client's credentials of another scheme are replaced by a logon",
    'who brings credentials does not want the account of somebody else',
    asks({}, `${GET}\nAuthorization: Bearer x`),
    {
      cntlm: ['200 OK', ['GET Bearer', ...LOGON.slice(1)]],
      tsntlm: ['401 Unauthorized', 'WWW-Authenticate: NTLM', ASKED, ['GET Bearer']],
    },
  ),
]

if (skipUnless(t, ['cntlm'])) {
  // What one case leaves behind, connections and refusals, would be there in the next.
  t.jobs = 3
  for (const each of cases) {
    t.test('web servers that demand a logon', { buffered: true }, async t => {
      const duel = await startDuel(t, place => [...basics(place), 'NoProxy 127.0.0.1'])
      await compare(t, duel, [each])
    })
  }
}
