import t from 'tap'

import { isProxyError } from '../../../src/core/index.ts'
import { encodeAuthenticate, parseAuthenticate } from '../../../src/ntlm/authenticate-message.ts'
import {
  AvId,
  type AvPair,
  encodeAvPairs,
  nameAvId,
  parseAvPairs,
  withClientPairs,
} from '../../../src/ntlm/av-pairs.ts'
import {
  describeChallenge,
  encodeChallenge,
  parseChallenge,
} from '../../../src/ntlm/challenge-message.ts'
import { describeFlags, NegotiateFlags } from '../../../src/ntlm/negotiate-flags.ts'
import { encodeNegotiate, parseNegotiate } from '../../../src/ntlm/negotiate-message.ts'
import { decodeToken, encodeToken } from '../../../src/ntlm/token.ts'
import { Payload } from '../../../src/ntlm/var-field.ts'
import { hex, vectors } from '../../harness/ntlm-vectors.ts'

/** The detail of the NTLM_MALFORMED that `fn` throws, or what it did instead. */
function malformation(fn: () => unknown): string {
  try {
    fn()
  } catch (error) {
    if (isProxyError(error) && error.code === 'NTLM_MALFORMED') return error.detail ?? 'no detail'
    return `threw ${String(error)}`
  }
  return 'accepted'
}

function message(id: string): Buffer {
  const found = vectors.messages.find(entry => entry.id === id)
  if (found === undefined) throw new Error(`The vectors lack ${id}`)
  return hex(found.hex)
}

const good = hex(vectors.challenge_parse.find(({ id }) => id === 'good')?.hex ?? '')
const text = (value: string): Buffer => Buffer.from(value, 'utf16le')

t.test('every flag has a name, and the names come lowest bit first', async t => {
  t.equal(describeFlags(0xffffffff).length, 32)
  t.same(describeFlags(0xa2088207), [
    'UNICODE',
    'OEM',
    'REQUEST_TARGET',
    'NTLM',
    'ALWAYS_SIGN',
    'EXTENDED_SESSIONSECURITY',
    'VERSION',
    '128',
    '56',
  ])
})

t.test('challenges get the verdicts and reasons of the vectors', async t => {
  for (const entry of vectors.challenge_parse) {
    const bytes =
      entry.hex === undefined
        ? Buffer.concat([hex(entry.prefix_hex ?? ''), Buffer.alloc(entry.then_zero_bytes ?? 0)])
        : hex(entry.hex)
    if (entry.verdict === 'reject') {
      const detail = malformation(() => parseChallenge(bytes))
      t.match(detail, new RegExp(`^${entry.reason} at offset \\d+$`), entry.id)
    } else {
      const { notes, raw } = parseChallenge(bytes)
      t.same(notes, entry.reason === '' ? [] : [entry.reason], entry.id)
      t.equal(raw, bytes, `${entry.id} keeps the bytes received`)
    }
  }
})

/** The good challenge with another list of pairs, given in hex. */
function withTargetInfo(pairs: string): Buffer {
  const info = hex(pairs)
  const bytes = Buffer.concat([good.subarray(0, 64), info])
  bytes.writeUInt16LE(info.length, 40)
  return bytes
}

t.test('more challenges that are refused, and where', async t => {
  const wrapping = Buffer.from(good)
  wrapping.writeUInt32LE(0xfffffff0, 44)
  const cases: readonly (readonly [string, Buffer, string])[] = [
    ['larger than any token', Buffer.alloc(0x10000), 'too-long at offset 65535'],
    ['cut by one byte', good.subarray(0, -1), 'target-info-bounds at offset 40'],
    ['an offset that wraps a u32', wrapping, 'target-info-bounds at offset 40'],
    ['a value that is cut', withTargetInfo('0200080043004f00'), 'av-truncated at offset 64'],
    ['an end with a length', withTargetInfo('0000020041000000'), 'av-eol-length at offset 64'],
    [
      'a timestamp twice',
      withTargetInfo('0700080000000000000000000700080000000000000000000000000000'),
      'av-duplicate at offset 64',
    ],
  ]
  for (const [name, bytes, detail] of cases) {
    t.equal(
      malformation(() => parseChallenge(bytes)),
      detail,
      name,
    )
  }
})

t.test('name and target information may overlap', async t => {
  const bytes = Buffer.from(good)
  bytes.writeUInt32LE(64, 16)
  const { avPairs, notes } = parseChallenge(bytes)
  t.same(notes, [])
  t.equal(avPairs?.length, 6)
})

t.test('a challenge is described by names and lengths', async t => {
  t.same(describeChallenge(good), {
    flags: describeFlags(0xa2898205),
    targetName: 'CORP',
    avPairs: [
      { name: 'MsvAvNbDomainName', length: 8 },
      { name: 'MsvAvNbComputerName', length: 14 },
      { name: 'MsvAvDnsDomainName', length: 24 },
      { name: 'MsvAvDnsComputerName', length: 40 },
      { name: 'MsvAvDnsTreeName', length: 24 },
      { name: 'MsvAvTimestamp', length: 8 },
    ],
    notes: [],
  })
  t.equal(nameAvId(0x1234), 'AvId 4660')
})

t.test('challenges of other servers are read', async t => {
  for (const entry of vectors.messages.filter(({ id }) => id.endsWith('-challenge'))) {
    const { flags, targetName, serverChallenge } = parseChallenge(hex(entry.hex))
    const expected = entry.expect ?? {}
    t.match(targetName, expected['target_text'] ?? /^\w+$/, entry.id)
    if (expected['flags'] !== undefined) t.equal(flags, Number(expected['flags']))
    if (expected['server_challenge'] !== undefined) {
      t.equal(serverChallenge.toString('hex'), expected['server_challenge'])
    }
  }
})

t.test('negotiate messages of other clients are read and written back', async t => {
  for (const { id, hex: bytes } of vectors.messages.filter(({ id }) => id.includes('negotiate'))) {
    const negotiate = parseNegotiate(hex(bytes))
    t.match(negotiate, { domain: '', workstation: '', version: { build: /^\d+$/ } }, id)
    t.equal(encodeNegotiate(negotiate).toString('hex'), bytes, id)
  }
})

t.test('the names of a negotiate message are read when its flags announce them', async t => {
  const fields = { flags: 0xa208b205, domain: 'CORP', workstation: 'PC1', version: undefined }
  t.match(parseNegotiate(encodeNegotiate(fields)), { domain: 'CORP', workstation: 'PC1' })
  const silent = parseNegotiate(encodeNegotiate({ ...fields, flags: 0xa2088205 }))
  t.match(silent, { domain: '', workstation: '' })
})

t.test('the short negotiate messages of old clients are read', async t => {
  const whole = encodeNegotiate({ flags: 0x3207, domain: '', workstation: '', version: undefined })
  for (const length of [16, 32, 40]) {
    t.equal(parseNegotiate(whole.subarray(0, length)).flags, 0x3207, `${length} bytes`)
  }
  t.equal(
    malformation(() => parseNegotiate(whole.subarray(0, 15))),
    'too-short at offset 15',
  )
  whole.writeUInt16LE(9, 16)
  whole.writeUInt32LE(33, 20)
  const withDomain = Buffer.from(whole)
  t.equal(
    malformation(() => parseNegotiate(withDomain)),
    'field-bounds at offset 16',
  )
})

t.test('authenticate messages of other clients are read', async t => {
  t.match(parseAuthenticate(message('samba-authenticate')), {
    domain: 'W2K8DOM',
    user: 'Administrator',
    workstation: 'W2K8R2',
    flags: 0xe2888215,
    encryptedSessionKey: { length: 16 },
    mic: hex('50e2b2a7f5833eda71a7e86e951e3a57'),
    version: { major: 6, minor: 1, build: 7600 },
  })
  t.match(parseAuthenticate(message('sspi-rs-domain-authenticate')), {
    domain: 'AWAKECODING',
    user: 'Administrator',
    workstation: 'WINDOWS7',
    lm: Buffer.alloc(24),
  })
  t.match(parseAuthenticate(message('pyspnego-keyexch-without-sign')), {
    domain: '',
    user: 'vagrant',
    workstation: 'JBOREAN-LINUX',
    encryptedSessionKey: { length: 16 },
  })
})

const fields = {
  flags: 0xa2888205,
  domain: 'CORP',
  user: 'alice',
  workstation: 'PC1',
  lm: Buffer.alloc(24, 1),
  nt: Buffer.alloc(24, 2),
  encryptedSessionKey: Buffer.alloc(0),
  version: { major: 10, minor: 0, build: 19041 },
}

t.test('an authenticate message is read back as it was written', async t => {
  t.match(parseAuthenticate(encodeAuthenticate(fields)), { ...fields, mic: Buffer.alloc(16) })
})

t.test('earlier authenticate messages lack MIC, version, flags or key', async t => {
  const whole = encodeAuthenticate(fields)
  const cutHeader = (length: number): Buffer => {
    const bytes = Buffer.concat([whole.subarray(0, length), whole.subarray(88)])
    for (const at of [12, 20, 28, 36, 44]) {
      bytes.writeUInt32LE(bytes.readUInt32LE(at + 4) - (88 - length), at + 4)
    }
    return bytes
  }
  t.match(parseAuthenticate(cutHeader(72)), { flags: fields.flags, user: 'alice', mic: undefined })
  t.match(parseAuthenticate(cutHeader(64)), { user: 'alice', version: undefined })
  const oldest = parseAuthenticate(cutHeader(52))
  t.match(oldest, { flags: undefined, user: 'a\0l\0i\0c\0e\0', nt: fields.nt })
  t.equal(oldest.encryptedSessionKey.length, 0)
})

t.test('broken authenticate messages are refused', async t => {
  const broken = (at: number, value: number): Buffer => {
    const bytes = encodeAuthenticate(fields)
    bytes.writeUInt16LE(value, at)
    return bytes
  }
  t.equal(
    malformation(() => parseAuthenticate(broken(20, 999))),
    'field-bounds at offset 20',
  )
  t.equal(
    malformation(() => parseAuthenticate(broken(36, 9))),
    'name-odd-length at offset 36',
  )
  t.equal(
    malformation(() => parseAuthenticate(broken(8, 1))),
    'bad-type at offset 8',
  )
  const short = encodeAuthenticate(fields).subarray(0, 51)
  t.equal(
    malformation(() => parseAuthenticate(short)),
    'too-short at offset 51',
  )
})

t.test('a value of more than 65535 bytes is refused, not cut', async t => {
  const payload = new Payload(88)
  payload.add(Buffer.alloc(0xffff))
  t.equal(
    malformation(() => payload.add(Buffer.alloc(0x10000))),
    'field-too-long at offset 65623',
  )
})

t.test('the pairs of a client follow those of the server', async t => {
  const name: AvPair = { id: AvId.MsvAvNbDomainName, value: text('CORP') }
  const own = { channelBindings: Buffer.alloc(16, 7), targetName: 'HTTP/proxy' }
  const bindings = { id: AvId.MsvAvChannelBindings, value: own.channelBindings }
  const target = { id: AvId.MsvAvTargetName, value: text('HTTP/proxy') }
  const flags = (value: string): AvPair => ({ id: AvId.MsvAvFlags, value: hex(value) })
  t.same(withClientPairs([name], { ...own, mic: false }), [name, bindings, target])
  t.same(withClientPairs([name], { ...own, mic: true }), [
    name,
    flags('02000000'),
    bindings,
    target,
  ])
  const constrained = [flags('01000000'), name]
  t.same(
    withClientPairs(constrained, { ...own, mic: true }),
    [flags('03000000'), name, bindings, target],
    'the bit joins the flags of the server where they stand',
  )
  t.same(withClientPairs(constrained, { ...own, mic: false }).slice(0, 2), constrained)
  t.same(withClientPairs([], { ...own, mic: false, targetName: undefined }), [bindings])
})

t.test('a list of a client may hold its own pairs, even twice', async t => {
  const binding = { id: AvId.MsvAvChannelBindings, value: Buffer.alloc(16) }
  const { pairs, trailingBytes } = parseAvPairs(encodeAvPairs([binding, binding]))
  t.same(pairs, [binding, binding])
  t.equal(trailingBytes, 0)
})

t.test('a challenge without target information is written and read', async t => {
  const bytes = encodeChallenge({
    flags: NegotiateFlags.OEM | NegotiateFlags.NTLM,
    serverChallenge: hex('0123456789abcdef'),
    targetName: 'CORP',
    avPairs: undefined,
    version: undefined,
  })
  t.match(parseChallenge(bytes), { targetName: 'CORP', avPairs: undefined, notes: [] })
})

t.test('tokens get the verdicts of the vectors', async t => {
  for (const { text, verdict, why } of vectors.base64_token) {
    switch (verdict) {
      case 'accept':
        t.equal(
          encodeToken(decodeToken(text) ?? Buffer.alloc(0)).replace(/=+$/, ''),
          text.replace(/=+$/, ''),
          why,
        )
        break
      case 'no-token':
        t.equal(decodeToken(text), undefined, why)
        break
      default:
        t.match(
          malformation(() => decodeToken(text)),
          /^token-(not-base64|length) at offset/,
          why,
        )
    }
  }
})

t.test('a token is refused by its length before it is decoded', async t => {
  t.equal(decodeToken('A'.repeat(87380))?.length, 65535)
  t.equal(
    malformation(() => decodeToken('A'.repeat(87384))),
    'token-too-long at offset 87380',
  )
})
