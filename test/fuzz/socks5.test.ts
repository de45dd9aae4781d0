import { deepStrictEqual, ok } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { parseHost } from '../../src/core/index.ts'
import { SocksHandshake, type SocksStep } from '../../src/socks5/index.ts'
import { connectTo, converse, hex, logon, usersOf } from '../unit/socks5/clients.ts'

const seed = Number(process.env['FUZZ_SEED'] ?? 20_250)
t.comment(`FUZZ_SEED=${seed}`)

/** 257 bytes of greeting, 513 of user and password, 262 of request. */
const LONGEST_HANDSHAKE = 1032

const USERS = usersOf({ alice: 'S3cret' })
const users = fc.constantFrom(undefined, USERS)

const noise = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map(bytes => Buffer.from(bytes))

const port = fc.nat(0xffff)
const octets = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map(bytes => Buffer.from(bytes))
const addressRequest = (type: number, length: number): fc.Arbitrary<Buffer> =>
  octets(length + 2).map(rest => Buffer.concat([Buffer.from([0x05, 0x01, 0x00, type]), rest]))

const commonGreeting = fc.constantFrom(hex('05 01 00'), hex('05 01 02'), hex('05 02 00 02'))
const greeting = fc.oneof(
  { weight: 4, arbitrary: commonGreeting },
  noise(255).map(methods => Buffer.concat([Buffer.from([0x05, methods.length]), methods])),
)
const account = fc.oneof(
  fc.constantFrom(logon('Alice', 'S3cret'), logon('alice', 'wrong')),
  fc.tuple(noise(255), noise(255)).map(([user, password]) => logon(user, password)),
)
const request = fc.oneof(
  addressRequest(0x01, 4),
  addressRequest(0x04, 16),
  fc
    .tuple(
      fc.oneof(
        fc.domain().map(name => Buffer.from(name)),
        noise(255),
      ),
      port,
    )
    .map(([name, number]) => connectTo(name.subarray(0, 255), number)),
)

/** Messages in the right order, with or without the logon, and then anything; now and then some bytes are changed. */
const conversation = fc
  .tuple(
    fc.tuple(greeting, fc.option(account, { nil: Buffer.alloc(0), freq: 1 }), request, noise(600)),
    fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(fc.tuple(fc.nat(40), fc.nat(255)), { maxLength: 2 }) },
    ),
  )
  .map(([messages, changes]) => {
    const bytes = Buffer.concat(messages)
    for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte
    return bytes
  })

const input = fc.oneof(conversation, noise(1200))

function cutAt(bytes: Buffer, offsets: readonly number[]): Buffer[] {
  const sorted = [0, ...offsets.filter(at => at < bytes.length), bytes.length].sort((a, b) => a - b)
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end))
}

t.test('cuts change nothing', async t => {
  const cuts = fc.array(fc.nat(1200), { maxLength: 12 })
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(input, cuts, users, (bytes, offsets, known) => {
        deepStrictEqual(converse(cutAt(bytes, offsets), known), converse([bytes], known))
      }),
      { seed, numRuns: 4000 },
    ),
  )
})

t.test('whatever is sent, no handshake is longer than the longest good one', async t => {
  const endless = fc
    .tuple(conversation, octets(LONGEST_HANDSHAKE))
    .map(parts => Buffer.concat(parts).subarray(0, LONGEST_HANDSHAKE))
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(endless, users, (bytes, known) => {
        ok(converse([bytes], known).end !== 'waiting')
      }),
      { seed, numRuns: 2000 },
    ),
  )
})

/** Pushes everything at once. */
function stepsOf(bytes: Buffer, known: typeof USERS | undefined): SocksStep[] {
  return new SocksHandshake({ users: known }).push(bytes)
}

t.test('a target is always one that can be dialled', async t => {
  let targets = 0
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(conversation, users, (bytes, known) => {
        const last = stepsOf(bytes, known).at(-1)
        if (last?.kind !== 'connect') return
        targets += 1
        const { host, port: number } = last.target
        deepStrictEqual(parseHost(host), host)
        ok(Number.isInteger(number) && number >= 1 && number <= 65535)
        ok(bytes.subarray(bytes.length - last.leftover.length).equals(last.leftover))
      }),
      { seed, numRuns: 4000 },
    ),
  )
  t.ok(targets > 200, `${targets} of the conversations reached a target`)
})

t.test('with users nobody gets a target without one of them', async t => {
  const strangers = fc.oneof(
    conversation,
    fc.tuple(fc.constant(hex('05 02 00 02')), account, request).map(parts => Buffer.concat(parts)),
  )
  const right = logon('alice', 'S3cret')
  let insiders = 0
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(strangers, bytes => {
        if (stepsOf(bytes, USERS).at(-1)?.kind !== 'connect') return
        insiders += 1
        ok(bytes.toString('latin1').toLowerCase().includes(right.toString('latin1').toLowerCase()))
        ok(bytes.includes('S3cret'))
      }),
      { seed, numRuns: 4000 },
    ),
  )
  t.ok(insiders > 100, `${insiders} of the conversations logged on`)
})
