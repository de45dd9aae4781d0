import t from 'tap'

import { isProxyError, Secret, systemEntropy } from '../../../src/core/index.ts'
import { parseAuthenticate } from '../../../src/ntlm/authenticate-message.ts'
import { AvId, type AvPair, findAvPair, parseAvPairs } from '../../../src/ntlm/av-pairs.ts'
import { encodeChallenge, parseChallenge } from '../../../src/ntlm/challenge-message.ts'
import { credentialsFromPassword, type Dialect } from '../../../src/ntlm/credentials.ts'
import { desl } from '../../../src/ntlm/des.ts'
import { filetimeFromUnixMs } from '../../../src/ntlm/filetime.ts'
import { type InitiatorOptions, NtlmInitiator } from '../../../src/ntlm/initiator.ts'
import { hmacMd5 } from '../../../src/ntlm/md5.ts'
import { hasFlag, NegotiateFlags } from '../../../src/ntlm/negotiate-flags.ts'
import { parseNegotiate } from '../../../src/ntlm/negotiate-message.ts'
import { lmowfv1, ntowfv1, ntowfv2 } from '../../../src/ntlm/one-way-functions.ts'
import { lmV2Response, sessionBaseKeyV2 } from '../../../src/ntlm/responses.ts'
import { FakeClock } from '../../harness/fake-clock.ts'
import { FixedEntropy } from '../../harness/fixed-entropy.ts'
import { hex, type SelfExchange, vectors } from '../../harness/ntlm-vectors.ts'

const FILETIME_OF_1970 = 116_444_736_000_000_000n
const clientChallenge = hex('a1b2c3d4e5f60718')
const serverChallenge = hex('0123456789abcdef')
const password = 'S3cret!pass'
const v2Hash = ntowfv2(ntowfv1(password), 'alice', 'CORP')
const clock = new FakeClock(1_700_000_000_123)
const usualFlags = 0xa2898205

/** Begins a handshake: the initiator after its Type 1. */
function begin(dialect: Dialect, options: Partial<InitiatorOptions> = {}, user = 'alice') {
  const credentials = credentialsFromPassword({
    user,
    domain: 'CORP',
    workstation: 'PC1',
    password: new Secret(password),
    dialect,
  })
  const entropy = new FixedEntropy(clientChallenge)
  const initiator = new NtlmInitiator(credentials, { entropy, clock, ...options })
  return { initiator, negotiate: initiator.negotiate() }
}

const domainName: AvPair = { id: AvId.MsvAvNbDomainName, value: Buffer.from('CORP', 'utf16le') }
const timestamp: AvPair = { id: AvId.MsvAvTimestamp, value: hex('00c083ed8a49da01') }

function challengeWith(flags: number, avPairs: readonly AvPair[] | undefined): Buffer {
  const fields = { serverChallenge, targetName: 'CORP', version: undefined }
  return encodeChallenge({ ...fields, flags, avPairs })
}

/** The pairs inside an NTLMv2 response: 16 bytes of proof and 28 of `temp` stand before them. */
function pairsOf(nt: Buffer): readonly AvPair[] {
  return parseAvPairs(nt.subarray(44)).pairs
}

function thrownCode(fn: () => unknown): string {
  try {
    fn()
  } catch (error) {
    return isProxyError(error) ? error.code : String(error)
  }
  return 'nothing'
}

/**
 * Plays one of the constructed exchanges with the clock and the randomness that it was made with.
 */
function replay(exchange: SelfExchange): { negotiate: Buffer; authenticate: Buffer } {
  const { client_challenge, clock_filetime_le, cbt_md5, spn_text } = exchange
  const random = client_challenge === null ? [] : [hex(client_challenge)]
  if (exchange.key_exchange) random.push(hex(exchange.exported_session_key ?? ''))
  const ticks = hex(clock_filetime_le ?? '00'.repeat(8)).readBigUInt64LE() - FILETIME_OF_1970
  const negotiate = hex(exchange.negotiate)
  const initiator = new NtlmInitiator(
    credentialsFromPassword({
      user: exchange.user_text,
      domain: exchange.domain_text,
      workstation: exchange.workstation_text,
      password: new Secret(exchange.password_text),
      dialect: exchange.dialect,
    }),
    {
      entropy: new FixedEntropy(...random),
      clock: new FakeClock(Number(ticks) / 10_000),
      ...(typeof spn_text === 'string' ? { targetName: spn_text } : {}),
      ...(typeof cbt_md5 === 'string' ? { channelBindings: hex(cbt_md5) } : {}),
      ...(exchange.key_exchange ? { negotiateFlags: negotiate.readUInt32LE(12) } : {}),
    },
  )
  return {
    negotiate: initiator.negotiate(),
    authenticate: initiator.authenticate(hex(exchange.challenge)),
  }
}

t.test('whole exchanges come out byte for byte', async t => {
  for (const exchange of vectors.self_exchanges) {
    const { negotiate, authenticate } = replay(exchange)
    t.equal(negotiate.toString('hex'), exchange.negotiate, `${exchange.id} negotiate`)
    t.equal(authenticate.toString('hex'), exchange.authenticate, `${exchange.id} authenticate`)
  }
})

t.test('NTLMv2 stays NTLMv2 when the server clears extended session security', async t => {
  const { initiator } = begin('NTLMv2')
  const { flags = 0, nt } = parseAuthenticate(
    initiator.authenticate(challengeWith(0xa2818205, [domainName])),
  )
  t.ok(hasFlag(flags, NegotiateFlags.EXTENDED_SESSIONSECURITY))
  t.ok(nt.length > 44)
})

t.test('NTLM2SR fails rather than become NTLMv1', async t => {
  const { initiator } = begin('NTLM2SR')
  t.equal(
    thrownCode(() => initiator.authenticate(challengeWith(0xa2818205, [domainName]))),
    'AUTH_UNSUPPORTED',
  )
  const willing = begin('NTLM2SR').initiator
  const { flags, lm, nt, mic } = parseAuthenticate(
    willing.authenticate(challengeWith(usualFlags, [domainName, timestamp])),
  )
  t.equal(flags, 0xa2888205)
  t.same(lm, Buffer.concat([clientChallenge, Buffer.alloc(16)]))
  t.equal(nt.length, 24)
  t.same(mic, Buffer.alloc(16))
})

/** Which response a Type 3 holds, told from its own bytes. */
function dialectOf(answer: Buffer): Dialect {
  const { lm, nt } = parseAuthenticate(answer)
  if (nt.length > 24) return 'NTLMv2'
  if (nt.length === 0) return 'LM'
  if (lm.subarray(8).equals(Buffer.alloc(16))) return 'NTLM2SR'
  const lmHash = lmowfv1(password) ?? Buffer.alloc(16)
  return lm.equals(desl(lmHash, serverChallenge)) ? 'NTLM' : 'NT'
}

t.test('no flags of a server change the dialect that is configured', async t => {
  const { NTLM, EXTENDED_SESSIONSECURITY, LM_KEY, REQUEST_NON_NT_SESSION_KEY, TARGET_INFO } =
    NegotiateFlags
  const relevant = [NTLM, EXTENDED_SESSIONSECURITY, LM_KEY, REQUEST_NON_NT_SESSION_KEY, TARGET_INFO]
  for (const dialect of ['NTLMv2', 'NTLM2SR', 'NTLM', 'NT', 'LM'] as const) {
    for (let choice = 0; choice < 2 ** relevant.length; choice++) {
      const chosen = relevant.filter((_, index) => hasFlag(choice, 1 << index))
      const flags = chosen.reduce<number>((sum, flag) => sum | flag, NegotiateFlags.UNICODE) >>> 0
      const { initiator } = begin(dialect)
      const challenge = challengeWith(flags, [domainName, timestamp])
      const name = `${dialect} with 0x${flags.toString(16)}`
      if (dialect === 'NTLM2SR' && !hasFlag(flags, EXTENDED_SESSIONSECURITY)) {
        t.equal(
          thrownCode(() => initiator.authenticate(challenge)),
          'AUTH_UNSUPPORTED',
          name,
        )
      } else {
        t.equal(dialectOf(initiator.authenticate(challenge)), dialect, name)
      }
    }
  }
})

t.test('Auth NTLM without an LM hash sends the NT response in both fields', async t => {
  const credentials = credentialsFromPassword({
    ...{ user: 'u', domain: 'd', workstation: 'w', dialect: 'NTLM' },
    password: new Secret('longer than fourteen'),
  })
  const entropy = new FixedEntropy(clientChallenge)
  const initiator = new NtlmInitiator(credentials, { entropy, clock })
  initiator.negotiate()
  const { lm, nt } = parseAuthenticate(
    initiator.authenticate(challengeWith(usualFlags, [domainName])),
  )
  t.equal(nt.length, 24)
  t.same(lm, nt)
})

t.test('a timestamp is given back, with a MIC over the bytes as received', async t => {
  const trailing = Buffer.from('ffffffffffff', 'hex')
  const message = challengeWith(usualFlags, [domainName, timestamp])
  for (const challenge of [message, Buffer.concat([message, trailing])]) {
    const { initiator, negotiate } = begin('NTLMv2')
    const answer = initiator.authenticate(challenge)
    const { lm, nt, mic } = parseAuthenticate(answer)
    t.same(lm, Buffer.alloc(24))
    t.same(nt.subarray(24, 32), timestamp.value)
    t.same(findAvPair(pairsOf(nt), AvId.MsvAvFlags), hex('02000000'))
    const key = sessionBaseKeyV2(v2Hash, nt.subarray(0, 16))
    const unsigned = Buffer.from(answer).fill(0, 72, 88)
    t.same(mic, hmacMd5(key, negotiate, challenge, unsigned))
  }
})

t.test('the MIC bit joins the flags that the server sent', async t => {
  const constrained = { id: AvId.MsvAvFlags, value: hex('01000000') }
  const { initiator } = begin('NTLMv2')
  const { nt } = parseAuthenticate(
    initiator.authenticate(challengeWith(usualFlags, [constrained, domainName, timestamp])),
  )
  t.same(pairsOf(nt)[0], { id: AvId.MsvAvFlags, value: hex('03000000') })
  t.equal(pairsOf(nt).filter(({ id }) => id === AvId.MsvAvFlags).length, 1)
})

t.test('without a timestamp there is LMv2, our clock, and no MIC', async t => {
  const { initiator } = begin('NTLMv2')
  const answer = initiator.authenticate(challengeWith(usualFlags, [domainName]))
  const { lm, nt, mic } = parseAuthenticate(answer)
  t.same(lm, lmV2Response({ ntowfV2: v2Hash, serverChallenge, clientChallenge }))
  t.same(nt.subarray(24, 32), filetimeFromUnixMs(clock.wallMs()))
  t.equal(findAvPair(pairsOf(nt), AvId.MsvAvFlags), undefined)
  t.same(mic, Buffer.alloc(16))
})

t.test(
  'the pairs of the server come back unchanged and in order, unknown ones included',
  async t => {
    const sent = [
      timestamp,
      { id: 0x1234, value: hex('78797a') },
      { id: AvId.MsvAvDnsTreeName, value: Buffer.alloc(0) },
      domainName,
    ]
    const { initiator } = begin('NTLMv2', { targetName: 'HTTP/proxy.corp.example' })
    const { nt } = parseAuthenticate(initiator.authenticate(challengeWith(usualFlags, sent)))
    t.same(pairsOf(nt).slice(0, sent.length), sent)
    t.same(
      pairsOf(nt)
        .slice(sent.length)
        .map(({ id }) => id),
      [AvId.MsvAvFlags, AvId.MsvAvChannelBindings, AvId.MsvAvTargetName],
    )
    t.same(
      findAvPair(pairsOf(nt), AvId.MsvAvTargetName),
      Buffer.from('HTTP/proxy.corp.example', 'utf16le'),
    )
  },
)

t.test('channel bindings are zero without TLS and as given with it', async t => {
  const bindings = Buffer.alloc(16, 0x5a)
  for (const options of [{}, { channelBindings: bindings }]) {
    const { initiator } = begin('NTLMv2', options)
    const { nt } = parseAuthenticate(
      initiator.authenticate(challengeWith(usualFlags, [domainName])),
    )
    const expected = 'channelBindings' in options ? bindings : Buffer.alloc(16)
    t.same(findAvPair(pairsOf(nt), AvId.MsvAvChannelBindings), expected)
  }
})

t.test('a challenge without target information is answered with an empty list', async t => {
  const { initiator } = begin('NTLMv2', { targetName: 'HTTP/proxy' })
  const { nt } = parseAuthenticate(initiator.authenticate(challengeWith(0xa2098205, undefined)))
  t.same(pairsOf(nt), [])
})

t.test('two handshakes use different client challenges', async t => {
  const challenge = challengeWith(usualFlags, [domainName])
  const [first, second] = [1, 2].map(() => {
    const { initiator } = begin('NTLMv2', { entropy: systemEntropy })
    return parseAuthenticate(initiator.authenticate(challenge)).nt.subarray(32, 40).toString('hex')
  })
  t.not(first, second)
})

t.test('flags that were not offered do not come back, and no key is sent', async t => {
  const { initiator } = begin('NTLMv2')
  const answer = parseAuthenticate(initiator.authenticate(challengeWith(0xffffffff, [domainName])))
  t.equal(answer.flags, 0xa2888205)
  t.equal(answer.encryptedSessionKey.length, 0)
  for (const dialect of ['NTLM', 'NT', 'LM'] as const) {
    const old = begin(dialect).initiator
    const { flags } = parseAuthenticate(old.authenticate(challengeWith(0xffffffff, [domainName])))
    t.equal(flags, 0xa2008205, dialect)
  }
})

t.test('even when everything is offered, only what we can do is agreed to', async t => {
  const { initiator } = begin('NT', { negotiateFlags: 0xffffffff })
  const never =
    NegotiateFlags.LM_KEY |
    NegotiateFlags.REQUEST_NON_NT_SESSION_KEY |
    NegotiateFlags.DATAGRAM |
    NegotiateFlags.ANONYMOUS |
    NegotiateFlags.TARGET_TYPE_DOMAIN |
    NegotiateFlags.EXTENDED_SESSIONSECURITY
  const lacking = challengeWith((0xffffffff & ~NegotiateFlags.SIGN) >>> 0, [domainName])
  const answer = parseAuthenticate(initiator.authenticate(lacking))
  t.notOk(hasFlag(answer.flags ?? never, never))
  t.notOk(hasFlag(answer.flags ?? 0, NegotiateFlags.KEY_EXCH), 'no KEY_EXCH without SIGN')
  t.equal(answer.encryptedSessionKey.length, 0)
})

t.test('configured flags that servers read in different ways are refused', async t => {
  t.equal(
    thrownCode(() => begin('NTLMv2', { negotiateFlags: 0xe2088207 })),
    'CONFIG',
  )
})

t.test('configured flags replace the offer and may announce our names', async t => {
  const { negotiate } = begin('NTLMv2', { negotiateFlags: 0xa208b205 })
  t.match(parseNegotiate(negotiate), { flags: 0xa208b205, domain: 'CORP', workstation: 'PC1' })
  t.match(parseNegotiate(begin('NTLMv2').negotiate), { domain: '', workstation: '' })
})

t.test('a name outside ASCII is not sent to a server that wants its code page', async t => {
  const oem = challengeWith(0xa2898206, [domainName])
  const { initiator } = begin('NTLMv2', {}, 'jürgen')
  t.equal(
    thrownCode(() => initiator.authenticate(oem)),
    'AUTH_UNSUPPORTED',
  )
  const ascii = begin('NTLMv2').initiator
  t.equal(parseAuthenticate(ascii.authenticate(oem)).user, 'alice')
})

t.test('an initiator serves one handshake, step by step', async t => {
  const challenge = challengeWith(usualFlags, [domainName])
  const { initiator } = begin('NTLMv2')
  t.equal(initiator.state, 'negotiated')
  t.equal(
    thrownCode(() => initiator.negotiate()),
    'BUG',
  )
  initiator.authenticate(challenge)
  t.equal(initiator.state, 'authenticated')
  t.equal(
    thrownCode(() => initiator.authenticate(challenge)),
    'BUG',
  )
  const failed = begin('NTLMv2').initiator
  t.equal(
    thrownCode(() => failed.authenticate(Buffer.alloc(64))),
    'NTLM_MALFORMED',
  )
  t.equal(
    thrownCode(() => failed.authenticate(challenge)),
    'BUG',
    'a bad challenge ends it',
  )
  const credentials = credentialsFromPassword({
    user: 'alice',
    domain: '',
    workstation: '',
    password: new Secret(''),
    dialect: 'NTLMv2',
  })
  const fresh = new NtlmInitiator(credentials, { entropy: new FixedEntropy(), clock })
  t.equal(
    thrownCode(() => fresh.authenticate(challenge)),
    'BUG',
    'and never before negotiate',
  )
})

t.test('no session key is left in memory', async t => {
  const sessionKey = Buffer.alloc(16, 0x77)
  const { initiator } = begin('NTLMv2', {
    negotiateFlags: 0xe2088217,
    entropy: new FixedEntropy(clientChallenge, sessionKey),
  })
  const answer = parseAuthenticate(initiator.authenticate(challengeWith(0xe2898215, [domainName])))
  t.equal(answer.encryptedSessionKey.length, 16)
  t.same(sessionKey, Buffer.alloc(16))
})

t.test('target information that leaves no room for our pairs is refused', async t => {
  const huge = challengeWith(usualFlags, [{ id: 0x99, value: Buffer.alloc(65_460) }])
  t.ok(parseChallenge(huge))
  const { initiator } = begin('NTLMv2', { targetName: 'HTTP/proxy.corp.example' })
  t.equal(
    thrownCode(() => initiator.authenticate(huge)),
    'NTLM_MALFORMED',
  )
})
