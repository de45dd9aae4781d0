import t from 'tap'
import { isProxyError } from '../../../src/core/index.ts'
import { type AcceptorOptions, NtlmAcceptor, type Verdict } from '../../../src/demo/index.ts'
import { type AcceptRules, type Conversation, judge } from '../../../src/demo/ntlm-verdict.ts'
import { FakeClock } from '../../harness/fake-clock.ts'
import { hex, type SelfExchange, vectors } from '../../harness/ntlm-vectors.ts'
import { answerChallenge, type PlainAnswer } from '../../harness/plain-ntlm.ts'

function findExchange(id: string): SelfExchange {
  const found = vectors.self_exchanges.find(exchange => exchange.id === id)
  if (found === undefined) throw new Error(`There is no vector ${id}`)
  return found
}

type Messages = Record<'negotiate' | 'challenge' | 'authenticate', string | null>

function conversationOf(exchange: Messages): Conversation {
  return {
    negotiate: hex(exchange.negotiate ?? ''),
    challenge: hex(exchange.challenge ?? ''),
    authenticate: hex(exchange.authenticate ?? ''),
  }
}

const MIC_EXCHANGE = findExchange('v2-mic')

const NAMES = {
  nbDomain: 'CORP',
  nbComputer: 'PROXY01',
  dnsDomain: 'corp.example',
  dnsComputer: 'proxy01.corp.example',
}
const ALICE = { user: 'alice', domain: 'CORP', password: 'S3cret!pass' }
const FIXED_ENTROPY = { bytes: () => hex('0123456789abcdef') }

/** The wall clock that the timestamp of the vectors stands for. */
const VECTOR_WALL_MS = Number((0x01da498aed83c000n - 116_444_736_000_000_000n) / 10_000n)

function makeAcceptor(options: Partial<AcceptorOptions> = {}): NtlmAcceptor {
  return new NtlmAcceptor({
    accounts: [ALICE],
    names: NAMES,
    clock: new FakeClock(VECTOR_WALL_MS),
    entropy: FIXED_ENTROPY,
    ...options,
  })
}

function reasonOf(verdict: Verdict): string {
  return verdict.ok ? 'accepted' : verdict.reason
}

t.test('every recorded exchange is accepted with its dialect', async t => {
  for (const exchange of vectors.self_exchanges) {
    const { user_text: user, domain_text, password_text: password } = exchange
    const domain = domain_text || 'CORP'
    const judgeWith = (candidate: string) => {
      const accounts = [{ user, domain, password: candidate }]
      const rules = { accounts, dnsDomain: 'corp.example', allowOlderDialects: true }
      return judge(conversationOf(exchange), rules)
    }
    const accepted = { ok: true, user, domain: domain_text, dialect: exchange.dialect }
    t.match(judgeWith(password), accepted, exchange.id)
    t.match(judgeWith('another'), { reason: 'the password is wrong' }, `${exchange.id}, another`)
  }
})

t.test('the MIC is checked where the client announces one', async t => {
  for (const exchange of vectors.self_exchanges.filter(({ dialect }) => dialect === 'NTLMv2')) {
    const { user_text: user, password_text: password } = exchange
    const accounts = [{ user, domain: exchange.domain_text || 'CORP', password }]
    const micChecked = exchange.mic !== null
    t.match(judge(conversationOf(exchange), { accounts }), { ok: true, micChecked }, exchange.id)
    t.equal(
      reasonOf(judge(conversationOf(exchange), { accounts, requireMic: true })),
      micChecked ? 'accepted' : 'the message integrity code is missing',
      `${exchange.id} where a MIC is required`,
    )
  }
})

t.test('the conversations printed in MS-NLMP section 4.2 are accepted', async t => {
  const accounts = [{ user: 'User', domain: 'Domain', password: 'Password' }]
  const cases = [
    { section: '4.2.2_NTLMv1', dialect: 'NTLM' },
    { section: '4.2.3_NTLMv1_client_challenge', dialect: 'NTLM2SR' },
    { section: '4.2.4_NTLMv2', dialect: 'NTLMv2' },
  ] as const
  for (const { section, dialect } of cases) {
    const figures = vectors.ms_nlmp[section]
    const conversation = {
      negotiate: Buffer.alloc(0),
      challenge: hex(figures['CHALLENGE_MESSAGE'] ?? ''),
      authenticate: hex(figures['AUTHENTICATE_MESSAGE'] ?? ''),
    }
    t.match(
      judge(conversation, { accounts, allowOlderDialects: true }),
      { ok: true, user: 'User', domain: 'Domain', workstation: 'COMPUTER', dialect },
      section,
    )
  }
})

t.test('a client of another make is accepted with its channel binding and target name', async t => {
  const exchange = vectors.exchanges.find(
    ({ id }) => id === 'chromium-v2-old-server-no-target-info',
  )
  if (exchange === undefined) throw new Error('There is no such vector')
  const conversation = conversationOf(exchange)
  const accounts = [{ user: 'User', domain: 'Domain', password: 'Password' }]
  const requireCbt = hex('6586e99d81c2fc984e47172fd4dd0310')
  t.match(judge(conversation, { accounts, requireCbt, expectedSpn: 'http/SERVER' }), {
    ok: true,
    micChecked: true,
  })
  t.match(judge(conversation, { accounts, requireCbt: Buffer.alloc(16) }), {
    reason: 'the channel binding is not that of this connection',
  })
  t.match(judge(conversation, { accounts, expectedSpn: 'HTTP/other' }), {
    reason: 'the target name is not that of this server',
  })
})

t.test('one flipped bit in any of the three messages is refused', async t => {
  const good = conversationOf(MIC_EXCHANGE)
  const rules: AcceptRules = { accounts: [ALICE], allowOlderDialects: true }
  t.equal(judge(good, rules).ok, true)
  const survivors: string[] = []
  for (const part of ['negotiate', 'challenge', 'authenticate'] as const) {
    const message = good[part]
    for (let bit = 0; bit < message.length * 8; bit++) {
      const flipped = Buffer.from(message)
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      if (judge({ ...good, [part]: flipped }, rules).ok) survivors.push(`${part} bit ${bit}`)
    }
  }
  t.same(survivors, [])
})

t.test('the challenge says what a Windows server says', async t => {
  const challenge = makeAcceptor().challenge(hex(MIC_EXCHANGE.negotiate))
  t.equal(challenge.toString('hex'), MIC_EXCHANGE.challenge)
  const untimed = findExchange('v2-no-timestamp')
  t.equal(
    makeAcceptor({ sendTimestamp: false }).challenge(hex(untimed.negotiate)).toString('hex'),
    untimed.challenge,
  )
  const short = findExchange('v2-short-challenge')
  t.equal(
    makeAcceptor({ challengeForm: 'short' }).challenge(hex(short.negotiate)).toString('hex'),
    short.challenge,
  )
  const oem = makeAcceptor({ oemOnly: true }).challenge(hex(MIC_EXCHANGE.negotiate))
  t.equal(oem.subarray(56, 60).toString('latin1'), 'CORP')
  t.equal(oem.readUInt32LE(20) & 3, 2, 'OEM alone')
  const bare = makeAcceptor({ challengeForm: 'no-target-info' })
  t.equal(bare.challenge(hex(MIC_EXCHANGE.negotiate)).readUInt32LE(40), 0, 'TargetInfo is empty')
})

t.test('only flags that were offered are granted', async t => {
  const negotiate = hex(MIC_EXCHANGE.negotiate)
  const cases: [offered: number, granted: number][] = [
    [0x00000202, 0x00800202],
    [0x00088206, 0x00898206],
    [0x62088205, 0x62898205],
    [0xa2088207, 0xa2898205],
  ]
  for (const [offered, granted] of cases) {
    negotiate.writeUInt32LE(offered, 12)
    const flags = makeAcceptor().challenge(negotiate).readUInt32LE(20)
    t.equal(flags.toString(16), granted.toString(16), offered.toString(16))
  }
  negotiate.writeUInt32LE(0x200, 12)
  t.throws(() => makeAcceptor().challenge(negotiate), { code: 'NTLM_MALFORMED' })
})

t.test('a challenge is answered once, in time, or not at all', async t => {
  const { negotiate, authenticate } = conversationOf(MIC_EXCHANGE)
  t.match(makeAcceptor().verify(authenticate), {
    ok: false,
    reason: 'no challenge is pending on this connection',
  })
  const acceptor = makeAcceptor()
  acceptor.challenge(negotiate)
  t.match(acceptor.verify(authenticate), { ok: true, user: 'alice', micChecked: true })
  t.match(acceptor.verify(authenticate), { ok: false }, 'a replay')
  const clock = new FakeClock(VECTOR_WALL_MS)
  const slow = makeAcceptor({ clock })
  slow.challenge(negotiate)
  clock.advance(30 * 60 * 1000)
  t.match(slow.verify(authenticate), { ok: true }, 'after just 30 minutes')
  slow.challenge(negotiate)
  clock.advance(30 * 60 * 1000 + 1)
  t.match(slow.verify(authenticate), { ok: false, reason: 'the challenge has expired' })
  const fresh = makeAcceptor({ entropy: { bytes: n => Buffer.alloc(n, 7) } })
  fresh.challenge(negotiate)
  t.match(fresh.verify(authenticate), { ok: false }, 'the answer to another challenge')
})

t.test('dialects below NTLMv2 are refused unless they are allowed', async t => {
  for (const id of ['ntlmv1-nt-only', 'ntlmv1-nt-and-lm', 'lm-only']) {
    const conversation = conversationOf(findExchange(id))
    t.match(
      judge(conversation, { accounts: [ALICE] }),
      { reason: 'the dialect is older than NTLMv2' },
      id,
    )
  }
})

/** The verdict on a client that logs on as User with the password Password, one thing or another done wrong. */
function verdictOn(acceptor: NtlmAcceptor, flaws: Partial<PlainAnswer>): Verdict {
  const account = { user: 'User', domain: 'CORP', password: 'Password' }
  const challenge = acceptor.challenge(hex(MIC_EXCHANGE.negotiate)).toString('base64')
  const token = answerChallenge(challenge, { ...account, ...flaws })
  return acceptor.verify(Buffer.from(token, 'base64'))
}

t.test('what a client gets wrong is named', async t => {
  const user = { domain: 'CORP', password: 'Password' }
  const accounts = [
    { ...user, user: 'User' },
    { ...user, user: 'groß' },
  ]
  const dropFirstPair = (info: Buffer) => info.subarray(4 + info.readUInt16LE(2))
  const cases: [name: string, flaws: Partial<PlainAnswer>, reason: string][] = [
    ['all well', {}, 'accepted'],
    ['domain by its DNS name', { domain: 'corp.example' }, 'accepted'],
    ['user principal name', { user: 'user@corp.example', domain: '' }, 'accepted'],
    ['no domain', { domain: '' }, 'accepted'],
    ['empty LM field', { lm: Buffer.alloc(0) }, 'accepted'],
    ['another domain', { domain: 'ELSEWHERE' }, 'the account is unknown'],
    ['another user', { user: 'mallory' }, 'the account is unknown'],
    ['sharp s kept', { user: 'groß', hashedUser: 'GROß' }, 'accepted'],
    ['sharp s hashed as SS', { user: 'groß', hashedUser: 'GROSS' }, 'the password is wrong'],
    ['wrong LMv2', { lm: Buffer.alloc(24, 1) }, 'the LMv2 response is wrong'],
    [
      'AV pair left out',
      { alterTargetInfo: dropFirstPair },
      'AV pair 2 of the challenge did not come back unchanged',
    ],
    ['no MsvAvEOL', { alterTargetInfo: info => info.subarray(0, -4) }, 'the AV pairs have no end'],
    [
      'KEY_EXCH without a key',
      { flags: 0x40088201 },
      'KEY_EXCH is set without a session key of 16 bytes',
    ],
  ]
  for (const [name, flaws, reason] of cases) {
    t.equal(reasonOf(verdictOn(makeAcceptor({ accounts }), flaws)), reason, name)
  }
})

t.test('an unknown account takes about as long as a wrong password', async t => {
  const acceptor = makeAcceptor({ accounts: [{ ...ALICE, user: 'User' }] })
  const medianMs = (domain: string): number => {
    const times = Array.from({ length: 400 }, () => {
      const start = performance.now()
      verdictOn(acceptor, { domain })
      return performance.now() - start
    })
    return times.sort((a, b) => a - b)[200] ?? 0
  }
  t.match(verdictOn(acceptor, {}), { reason: 'the password is wrong' })
  t.match(verdictOn(acceptor, { domain: 'ELSEWHERE' }), { reason: 'the account is unknown' })
  medianMs('CORP')
  const ratio = medianMs('CORP') / medianMs('ELSEWHERE')
  t.ok(ratio > 1 / 3 && ratio < 3, `ratio of the medians: ${ratio}`)
})

/** Numbers from 0 to 2^32 - 1 that are the same in every run (a linear congruential generator). */
function* seededNumbers(seed: number): Generator<number, never> {
  for (let state = seed >>> 0; ;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    yield (state ^ (state >>> 13)) >>> 0
  }
}

function mutate(message: Buffer, next: () => number): Buffer {
  const length = next() % 4 === 0 ? next() % (message.length + 1) : message.length
  const mutant = Buffer.from(message.subarray(0, length))
  for (let edits = next() % 4; edits > 0 && length > 0; edits--) {
    // Half of the edits go for the header, where lengths and offsets are.
    const at = next() % (next() % 2 === 0 ? length : Math.min(length, 64))
    mutant.writeUInt8([0, 0xff, next() & 0xff][next() % 3] ?? 0, at)
  }
  return mutant
}

t.test('mutated messages are refused and never throw anything but NTLM_MALFORMED', async t => {
  const numbers = seededNumbers(42)
  const next = () => numbers.next().value
  const { negotiate, authenticate } = conversationOf(MIC_EXCHANGE)
  const problems: unknown[] = []
  for (let round = 0; round < 6000; round++) {
    const acceptor = makeAcceptor({ allowOlderDialects: true })
    try {
      acceptor.challenge(mutate(negotiate, next))
    } catch (error) {
      if (!isProxyError(error) || error.code !== 'NTLM_MALFORMED') problems.push(error)
    }
    acceptor.challenge(negotiate)
    const mutant = mutate(authenticate, next)
    const verdict = acceptor.verify(mutant)
    if (verdict.ok !== mutant.equals(authenticate)) problems.push(mutant.toString('hex'))
  }
  t.same(problems, [])
})
