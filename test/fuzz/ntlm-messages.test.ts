import { deepStrictEqual } from 'node:assert/strict'

import fc from 'fast-check'
import t, { type Test } from 'tap'

import { type ErrorCode, isProxyError, Secret, systemEntropy } from '../../src/core/index.ts'
import {
  type AuthenticateFields,
  encodeAuthenticate,
  parseAuthenticate,
} from '../../src/ntlm/authenticate-message.ts'
import { AvId, type AvPair, parseAvPairs } from '../../src/ntlm/av-pairs.ts'
import {
  type ChallengeFields,
  describeChallenge,
  encodeChallenge,
  parseChallenge,
} from '../../src/ntlm/challenge-message.ts'
import { credentialsFromPassword } from '../../src/ntlm/credentials.ts'
import { NtlmInitiator } from '../../src/ntlm/initiator.ts'
import { hasFlag, NegotiateFlags } from '../../src/ntlm/negotiate-flags.ts'
import { encodeNegotiate, parseNegotiate } from '../../src/ntlm/negotiate-message.ts'
import { decodeToken, encodeToken } from '../../src/ntlm/token.ts'
import { FakeClock } from '../harness/fake-clock.ts'
import { hex, vectors } from '../harness/ntlm-vectors.ts'

const seed = Number(process.env['FUZZ_SEED'] ?? 20_241)
t.comment(`FUZZ_SEED=${seed}`)

/** Ways to spoil a message: change bits, put a telling number anywhere, cut, or append. */
type Mutation =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'number'; readonly at: number; readonly value: number; readonly width: 2 | 4 }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'append'; readonly bytes: Uint8Array }

/** Records with the usual prototype, as the parsers make them. */
const plain = { noNullPrototype: true } as const

const position = fc.nat(0xffff)
const telling = fc.constantFrom(
  0,
  1,
  2,
  4,
  8,
  32,
  47,
  48,
  56,
  0x7fff,
  0xffff,
  0x80000000,
  0xffffffff,
)

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: position, bit: fc.nat(7) }),
  fc.record({
    kind: fc.constant('number' as const),
    at: position,
    value: telling,
    width: fc.constantFrom(2 as const, 4 as const),
  }),
  fc.record({ kind: fc.constant('cut' as const), at: position }),
  fc.record({ kind: fc.constant('append' as const), bytes: fc.uint8Array({ maxLength: 40 }) }),
)

function mutate(message: Buffer, change: Mutation): Buffer {
  if (message.length < 4) return message
  const bytes = Buffer.from(message)
  switch (change.kind) {
    case 'flip': {
      const at = change.at % bytes.length
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << change.bit), at)
      return bytes
    }
    case 'number':
      bytes.writeUIntLE(
        change.value % 2 ** (8 * change.width),
        change.at % (bytes.length - change.width + 1),
        change.width,
      )
      return bytes
    case 'cut':
      return bytes.subarray(0, change.at % bytes.length)
    case 'append':
      return Buffer.concat([bytes, change.bytes])
  }
}

/** True when `parse` gives a value or one of the errors that a peer can cause, and nothing else. */
function behaves(parse: () => unknown, codes: readonly ErrorCode[] = ['NTLM_MALFORMED']): boolean {
  try {
    parse()
    return true
  } catch (error) {
    return isProxyError(error) && codes.includes(error.code)
  }
}

function assertBehaves(
  t: Test,
  seeds: readonly Buffer[],
  parse: (message: Buffer) => unknown,
  numRuns: number,
): void {
  const input = fc.tuple(
    fc.constantFrom(...seeds),
    fc.array(mutation, { minLength: 1, maxLength: 4 }),
  )
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(input, ([message, mutations]) =>
        behaves(() => parse(mutations.reduce(mutate, message))),
      ),
      { seed, numRuns },
    ),
  )
}

function messagesLike(part: string): Buffer[] {
  return vectors.messages.filter(({ id }) => id.includes(part)).map(entry => hex(entry.hex))
}

const acceptedChallenges = vectors.challenge_parse
  .filter(({ verdict }) => verdict === 'accept')
  .map(entry => hex(entry.hex ?? ''))

t.test('a spoilt challenge is parsed or malformed', async t => {
  assertBehaves(t, acceptedChallenges, describeChallenge, 20_000)
})

t.test('a spoilt challenge is answered well or not at all', async t => {
  const credentials = credentialsFromPassword({
    user: 'jürgen',
    domain: 'CORP',
    workstation: 'PC1',
    password: new Secret('S3cret!pass'),
    dialect: 'NTLMv2',
  })
  const answer = (challenge: Buffer): void => {
    const options = { entropy: systemEntropy, clock: new FakeClock(), targetName: 'HTTP/proxy' }
    const initiator = new NtlmInitiator(credentials, options)
    initiator.negotiate()
    // The peer may also take ASCII names only, which this user has not.
    const whole = (): void => {
      const { flags, nt } = parseAuthenticate(initiator.authenticate(challenge))
      deepStrictEqual(hasFlag(flags ?? 0, NegotiateFlags.EXTENDED_SESSIONSECURITY), true)
      parseAvPairs(nt.subarray(44))
    }
    deepStrictEqual(behaves(whole, ['NTLM_MALFORMED', 'AUTH_UNSUPPORTED']), true)
  }
  assertBehaves(t, acceptedChallenges, answer, 3000)
})

t.test('a spoilt negotiate or authenticate message is parsed or malformed', async t => {
  assertBehaves(t, messagesLike('negotiate'), parseNegotiate, 5000)
  const own = vectors.self_exchanges.map(({ authenticate }) => hex(authenticate))
  assertBehaves(t, [...messagesLike('authenticate'), ...own], parseAuthenticate, 10_000)
})

t.test('bytes and text without sense are malformed', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), noise => {
        const bytes = Buffer.from(noise)
        return [parseNegotiate, parseChallenge, parseAuthenticate].every(parse =>
          behaves(() => parse(bytes)),
        )
      }),
      { seed, numRuns: 2000 },
    ),
  )
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), text => behaves(() => decodeToken(text))),
      { seed, numRuns: 5000 },
    ),
  )
})

const bytes = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map(array => Buffer.from(array))
const someBytes = fc.uint8Array({ maxLength: 300 }).map(array => Buffer.from(array))
const name = fc.string({ maxLength: 104, unit: 'grapheme' })
const asciiName = fc.string({ maxLength: 104, unit: 'grapheme-ascii' })
const version = fc.record(
  {
    major: fc.nat(255),
    minor: fc.nat(255),
    build: fc.nat(0xffff),
  },
  plain,
)
const extraFlags = fc.nat(0xffff).map(bits => bits & ~0x3003)

const serverPairs: fc.Arbitrary<AvPair[]> = fc
  .uniqueArray(
    fc.record(
      {
        id: fc.integer({ min: AvId.MsvAvChannelBindings + 1, max: 0xffff }),
        value: someBytes,
      },
      plain,
    ),
    { maxLength: 6, selector: pair => pair.id },
  )
  .chain(pairs =>
    fc
      .option(bytes(8), { nil: undefined })
      .map(time =>
        time === undefined ? pairs : [...pairs, { id: AvId.MsvAvTimestamp, value: time }],
      ),
  )

t.test('what is written is read back: challenges', async t => {
  const fields: fc.Arbitrary<ChallengeFields> = fc.record(
    {
      flags: extraFlags.map(
        bits =>
          (bits | NegotiateFlags.UNICODE | NegotiateFlags.TARGET_INFO | NegotiateFlags.VERSION) >>>
          0,
      ),
      serverChallenge: bytes(8),
      targetName: name,
      avPairs: serverPairs,
      version,
    },
    plain,
  )
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fields, input => {
        const raw = encodeChallenge(input)
        deepStrictEqual(parseChallenge(raw), { ...input, raw, notes: [] })
      }),
      { seed, numRuns: 300 },
    ),
  )
})

t.test('what is written is read back: negotiate and authenticate messages', async t => {
  const negotiate = fc.record(
    {
      flags: extraFlags.map(bits => (bits | 0x3002 | NegotiateFlags.VERSION) >>> 0),
      domain: asciiName,
      workstation: asciiName,
      version,
    },
    plain,
  )
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(negotiate, input => {
        deepStrictEqual(parseNegotiate(encodeNegotiate(input)), input)
      }),
      { seed, numRuns: 200 },
    ),
  )
  const authenticate: fc.Arbitrary<AuthenticateFields> = fc.record(
    {
      flags: extraFlags.map(bits => (bits | NegotiateFlags.UNICODE | NegotiateFlags.VERSION) >>> 0),
      domain: name,
      user: name,
      workstation: name,
      lm: someBytes,
      nt: someBytes,
      encryptedSessionKey: fc.oneof(bytes(16), bytes(0)),
      version,
    },
    plain,
  )
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(authenticate, input => {
        const raw = encodeAuthenticate(input)
        deepStrictEqual(parseAuthenticate(raw), { ...input, raw, mic: Buffer.alloc(16) })
      }),
      { seed, numRuns: 300 },
    ),
  )
})

t.test('what is written is read back: tokens', async t => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), array => {
        const message = Buffer.from(array)
        const text = encodeToken(message)
        const stripped = text.replace(/=+$/, '')
        return [text, stripped].every(form => decodeToken(form)?.equals(message))
      }),
      { seed },
    ),
  )
})
