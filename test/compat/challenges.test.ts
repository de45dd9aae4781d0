import t from 'tap'
import { NtlmAcceptor } from '../../src/demo/index.ts'
import { fieldValues } from '../harness/content.ts'
import { accepts } from '../harness/real/port.ts'
import { skipUnless } from '../harness/real/programs.ts'
import { until } from '../harness/real/until.ts'
import { type Demand, tokenOf } from '../harness/scripted-upstream.ts'
import { basics, better, type Case, compare, same, type Side, startDuel } from './duel.ts'
import { ACCOUNT, demandNtlm, type Demands, isLogonCheck, KEEPS } from './house.ts'
import { ask, CLOSED, HELLO, statusOf } from './normal.ts'

const GET = 'GET http://site.test/a HTTP/1.1\nHost: site.test'

/** The status, what the client is asked for, and how many times the password was sent. */
async function logOn(side: Side): Promise<string[]> {
  side.upstream.hangUp()
  const answer = await ask(side, GET)
  const offers = answer.split('\n').filter(line => /^proxy-authenticate/i.test(line))
  return [statusOf(answer), ...offers, `${side.upstream.verdicts.length} shown`]
}

/** With an upstream that demands NTLM in this way. */
const demanding = (demands: Demands) => async (side: Side) => {
  side.upstream.script = demandNtlm(side.upstream, demands)
  return logOn(side)
}

/**
 * With an upstream that puts these fields into each 407.
 * @param schemes gets what stands behind the scheme's name: the challenge with a space in front, or nothing.
 */
const offering =
  (schemes: (challenge: string) => string[], style: Demand = {}) =>
  async (side: Side) => {
    const { upstream } = side
    upstream.script = async conn => {
      const acceptor = new NtlmAcceptor({ accounts: [ACCOUNT], sendTimestamp: false })
      let isIn = false
      for (;;) {
        const request = await upstream.next(conn)
        if (request === undefined) return
        const { head } = request
        const hasToken = fieldValues(head, 'proxy-authorization').length > 0
        const token = hasToken ? tokenOf(head) : Buffer.alloc(9)
        if (token[8] === 3) {
          const verdict = acceptor.verify(token)
          upstream.verdicts.push(verdict)
          isIn = verdict.ok
        }
        if (isIn && isLogonCheck(head)) conn.respond('403 Forbidden', '', KEEPS)
        else if (isIn) await upstream.answer(conn, request)
        else {
          const challenge = token[8] === 1 ? ` ${acceptor.challenge(token).toString('base64')}` : ''
          await conn.demand({ schemes: schemes(challenge), connectionLines: KEEPS, ...style })
        }
        if (conn.socket.writableEnded) return
      }
    }
    return logOn(side)
  }

const ntlm = (challenge: string): string[] => [`NTLM${challenge}`]

const IN = ['200 OK', '1 shown']

/** The client is asked for another account, which most clients do not have. */
const asked = (shown: number): string[] => [
  '407 Proxy Authentication Required',
  'Proxy-Authenticate: Basic realm="Cntlm for parent"',
  `${shown} shown`,
]

const understood: Case[] = [
  same('NTLM alone', demanding({}), IN),
  same('NTLM with a timestamp, as Windows has it', demanding({ sendTimestamp: true }), IN),
  same(
    'NTLM in front of Basic',
    offering(rest => [...ntlm(rest), 'Basic realm="x"']),
    IN,
  ),
  same(
    'the name of the scheme in lower case',
    offering(rest => [`ntlm${rest}`]),
    IN,
  ),
  same('a 407 with a chunked body', offering(ntlm, { bodyStyle: 'chunked' }), IN),
  same('a 407 without a body', offering(ntlm, { bodyStyle: 'none' }), IN),
]

const NO_BOX = 'no account of the client can help, and the text says what does'

const other: Case[] = [
  better(
    'NTLM behind Negotiate is not found',
    'the order of the offers is no order of preference of the client',
    offering(rest => ['Negotiate', ...ntlm(rest)]),
    { cntlm: asked(0), tsntlm: IN },
  ),
  better(
    'a challenge without target information is refused with NTLMv2',
    'the response can be made without',
    demanding({ challengeForm: 'no-target-info' }),
    { cntlm: asked(0), tsntlm: IN },
  ),
  better(
    'a challenge of 32 bytes is refused with NTLMv2',
    'the response can be made without the rest',
    demanding({ challengeForm: 'short' }),
    { cntlm: asked(0), tsntlm: IN },
  ),
  better(
    'an upstream that requires a message integrity code cannot be used',
    'MS-NLMP section 3.1.5.1.2 has it sent where the challenge has a timestamp',
    demanding({ sendTimestamp: true, requireMic: true }),
    { cntlm: asked(1), tsntlm: IN },
  ),
  better(
    'Basic alone makes the client be asked',
    NO_BOX,
    offering(() => ['Basic realm="x"']),
    { cntlm: asked(0), tsntlm: ['502 Bad Gateway (AUTH_NOT_OFFERED)', '0 shown'] },
  ),
  better(
    'a 407 without an offer makes the client be asked',
    NO_BOX,
    offering(() => []),
    { cntlm: asked(0), tsntlm: ['502 Bad Gateway (AUTH_NOT_OFFERED)', '0 shown'] },
  ),
  better(
    'a Negotiate that takes no NTLM makes the client be asked',
    NO_BOX,
    offering(() => ['Negotiate']),
    { cntlm: asked(0), tsntlm: ['502 Bad Gateway (AUTH_NOT_OFFERED)', '0 shown'] },
  ),
  better(
    'a challenge that is none makes the client be asked',
    NO_BOX,
    offering(() => [`NTLM ${Buffer.from('garbage').toString('base64')}`]),
    { cntlm: asked(0), tsntlm: ['502 Bad Gateway (AUTH_CHALLENGE_MALFORMED)', '0 shown'] },
  ),
  better(
    'an upstream that closes with its challenge is left to the client to find out',
    'a client that gets an error knows whose fault it is',
    offering(ntlm, { bodyStyle: 'close' }),
    { cntlm: [CLOSED, '0 shown'], tsntlm: ['502 Bad Gateway (AUTH_STATE_LOST)', '0 shown'] },
  ),
]

const WRONG = { accounts: [{ ...ACCOUNT, password: 'another-one' }] }

const rejected: Case[] = [
  better('a wrong password makes the client be asked', NO_BOX, demanding(WRONG), {
    cntlm: asked(1),
    tsntlm: ['502 Bad Gateway (AUTH_REJECTED)', '1 shown'],
  }),
  better(
    'a wrong password is sent again with every request',
    'three to five times lock the account',
    async side => {
      for (let i = 0; i < 3; i++) await ask(side, GET)
      return side.upstream.verdicts.length
    },
    { cntlm: 3, tsntlm: 0 },
  ),
]

/** More than 1000 bytes of target information. */
const LONG_NAMES = {
  nbDomain: 'D'.repeat(300),
  nbComputer: 'C'.repeat(300),
  dnsDomain: 'd.test',
  dnsComputer: 'c.test',
}

const overflow: Case[] = [
  better(
    'more than 1000 bytes of target information end the program',
    'an upstream must not be able to do that',
    async side => {
      const [status] = await demanding({ names: LONG_NAMES })(side)
      // It takes connections while it dies.
      const fate = await until('its end or an answer', async () => {
        const isServed = (await ask(side, GET).catch(() => CLOSED)) === HELLO
        if (isServed) return 'serves'
        return (await accepts(side.place.listen)) ? undefined : 'gone'
      })
      return [status, fate]
    },
    { cntlm: [CLOSED, 'gone'], tsntlm: ['200 OK', 'serves'] },
  ),
]

if (skipUnless(t, ['cntlm'])) {
  t.test('407s that both understand', async t => {
    await compare(t, await startDuel(t, basics), understood)
  })

  t.test('407s that one of them does not understand', async t => {
    await compare(t, await startDuel(t, basics), other)
  })

  t.test('logons that are rejected', async t => {
    await compare(t, await startDuel(t, basics), rejected)
  })

  t.test('a challenge of an unusual size', async t => {
    await compare(t, await startDuel(t, basics), overflow)
  })
}
