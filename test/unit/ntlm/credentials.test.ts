import { inspect } from 'node:util'

import t from 'tap'

import { isProxyError, Secret } from '../../../src/core/index.ts'
import {
  credentialsFromHashes,
  credentialsFromPassword,
  type Dialect,
  type HashInput,
} from '../../../src/ntlm/credentials.ts'
import { parseAccount } from '../../../src/ntlm/names.ts'
import { lmowfv1, ntowfv1, ntowfv2, passNtlmV2 } from '../../../src/ntlm/one-way-functions.ts'
import { hex, vectors } from '../../harness/ntlm-vectors.ts'

/** The detail of the CONFIG error that `fn` throws, or what it did instead. */
function configDetail(fn: () => unknown): string {
  try {
    fn()
  } catch (error) {
    if (isProxyError(error) && error.code === 'CONFIG') return error.detail ?? 'no detail'
    return `threw ${String(error)}`
  }
  return 'accepted'
}

const names = { user: 'alice', domain: 'Corp', workstation: 'PC1' }
const dialects: readonly Dialect[] = ['NTLMv2', 'NTLM2SR', 'NTLM', 'NT', 'LM']

function fromPassword(dialect: Dialect, password = 'S3cret!pass', account = names) {
  return credentialsFromPassword({ ...account, dialect, password: new Secret(password) })
}

function fromHashes(input: Partial<HashInput>) {
  return credentialsFromHashes({ ...names, dialect: 'NTLMv2', encoding: 'plain', ...input })
}

const ntHash = ntowfv1('S3cret!pass')
const lmHash = lmowfv1('S3cret!pass') ?? Buffer.alloc(0)
const invert = (hash: Buffer): Buffer => Buffer.from(hash.map(byte => byte ^ 0xff))

t.test('an account is read from Username and Domain', async t => {
  const cases = [
    ['alice', 'CORP', 'alice', 'CORP'],
    ['alice', '', 'alice', ''],
    ['CORP\\alice', '', 'alice', 'CORP'],
    ['CORP\\alice', 'CORP', 'alice', 'CORP'],
    ['CORP\\alice\\admin', '', 'alice\\admin', 'CORP'],
    ['\\alice', '', 'alice', ''],
    ['alice@corp.example', '', 'alice@corp.example', ''],
    ['CORP/alice', '', 'CORP/alice', ''],
    ['alice ', 'Corp ', 'alice ', 'Corp '],
  ] as const
  for (const [username, configured, user, domain] of cases) {
    t.same(parseAccount({ username, domain: configured }), { user, domain }, username)
  }
})

t.test('an account that is probably not meant so comes with a warning', async t => {
  t.match(parseAccount({ username: 'a@corp.example', domain: 'CORP' }), {
    user: 'a@corp.example',
    domain: 'CORP',
    warning: /user principal name/,
  })
  t.match(parseAccount({ username: 'LAB\\a', domain: 'CORP' }), {
    domain: 'LAB',
    warning: /"CORP" is not used/,
  })
  t.match(parseAccount({ username: '.\\a', domain: '' }), { domain: '.', warning: /computer/ })
})

t.test('an account without a user is refused', async t => {
  for (const username of ['', '  ', 'CORP\\', '\\']) {
    const detail = configDetail(() => parseAccount({ username, domain: 'CORP' }))
    t.match(detail, /^Username ".*" names no user/, username)
  }
})

t.test('a credential keeps the hashes that its dialect needs and no others', async t => {
  const v2 = ntowfv2(ntHash, 'alice', 'Corp')
  const expected = {
    NTLMv2: [undefined, undefined, v2],
    NTLM2SR: [ntHash, undefined, undefined],
    NT: [ntHash, undefined, undefined],
    NTLM: [ntHash, lmHash, undefined],
    LM: [undefined, lmHash, undefined],
  }
  for (const dialect of dialects) {
    for (const credentials of [
      fromPassword(dialect),
      fromHashes({ dialect, passNt: new Secret(ntHash), passLm: new Secret(lmHash) }).credentials,
    ]) {
      const { ntHash, lmHash, ntowfV2 } = credentials
      t.same(
        [ntHash, lmHash, ntowfV2].map(hash => hash?.reveal()),
        expected[dialect],
        dialect,
      )
      t.match(credentials, { ...names, dialect })
    }
  }
})

t.test('PassNTLMv2 fixes the domain in upper case and serves NTLMv2 only', async t => {
  const passV2 = new Secret(passNtlmV2(ntHash, 'alice', 'Corp'))
  const { credentials } = fromHashes({ passNtlmV2: passV2 })
  t.equal(credentials.domain, 'CORP')
  t.same(credentials.ntowfV2?.reveal(), ntowfv2(ntHash, 'alice', 'CORP'))
  const both = fromHashes({ passNtlmV2: passV2, passNt: new Secret(ntHash) })
  t.equal(both.credentials.domain, 'CORP', 'it goes before PassNT, as with cntlm')
  for (const dialect of dialects.filter(name => name !== 'NTLMv2')) {
    const detail = configDetail(() => fromHashes({ dialect, passNtlmV2: passV2 }))
    t.match(detail, /^Auth \w+ needs Pass(NT|LM) or Password; PassNTLMv2 serves Auth NTLMv2 only$/)
  }
})

t.test('a dialect without its hash is refused by the names of the directives', async t => {
  const nt = new Secret(ntHash)
  const lm = new Secret(lmHash)
  const cases: readonly (readonly [Partial<HashInput>, RegExp])[] = [
    [{ dialect: 'NTLMv2' }, /^Auth NTLMv2 needs PassNTLMv2, PassNT or Password$/],
    [{ dialect: 'NTLMv2', passLm: lm }, /^Auth NTLMv2 needs PassNTLMv2, PassNT or Password$/],
    [{ dialect: 'NT', passLm: lm }, /^Auth NT needs PassNT or Password$/],
    [{ dialect: 'NTLM', passNt: nt }, /^Auth NTLM needs PassLM or Password$/],
    [{ dialect: 'LM', passNt: nt }, /^Auth LM needs PassLM or Password$/],
    [{ passNt: new Secret(Buffer.alloc(15)) }, /^PassNT has 15 bytes, a hash has 16$/],
    [{ passNtlmV2: new Secret(Buffer.alloc(17)) }, /^PassNTLMv2 has 17 bytes/],
  ]
  for (const [input, detail] of cases)
    t.match(
      configDetail(() => fromHashes(input)),
      detail,
    )
})

t.test('a password without an LM hash is refused where one is needed', async t => {
  for (const password of ['0123456789abcde', 'pässword']) {
    const detail = configDetail(() => fromPassword('LM', password))
    t.match(detail, /needs an LM hash.*use Auth NTLMv2$/)
    t.notMatch(detail, password)
    for (const dialect of ['NTLMv2', 'NTLM2SR', 'NT'] as const) fromPassword(dialect, password)
    const { lmHash, ntHash } = fromPassword('NTLM', password)
    t.equal(lmHash, undefined)
    t.ok(ntHash)
  }
})

t.test('names and passwords that cannot be sent are refused', async t => {
  const long = (length: number): string => 'x'.repeat(length)
  fromPassword('NTLMv2', long(256), {
    user: long(104),
    domain: long(255),
    workstation: long(255),
  })
  const cases: readonly (readonly [Partial<typeof names>, string, RegExp])[] = [
    [{ user: '' }, 'p', /^Username is empty$/],
    [{ user: long(105) }, 'p', /^Username is 105 characters long, 104 are allowed$/],
    [{ domain: long(256) }, 'p', /^Domain is 256/],
    [{ workstation: long(256) }, 'p', /^Workstation is 256/],
    [{}, long(257), /^Password is 257/],
    [{ user: 'a\ud800' }, 'p', /^Username contains half a character/],
    [{ domain: '\udc00' }, 'p', /^Domain contains half a character/],
    [{}, 'secret\ud83d', /^Password contains half a character/],
  ]
  for (const [change, password, detail] of cases) {
    t.match(
      configDetail(() => fromPassword('NTLMv2', password, { ...names, ...change })),
      detail,
    )
  }
  t.ok(fromPassword('NTLMv2', '\u{1f511}').ntowfV2, 'a whole surrogate pair passes')
})

t.test('the hashes of a cntlm.conf are read in the encoding that they were written in', async t => {
  for (const entry of vectors.cntlm_hashes) {
    const passNt = new Secret(hex(entry.PassNT))
    const passLm = new Secret(hex(entry.PassLM))
    const passV2 = new Secret(hex(entry.PassNTLMv2))
    const account = { user: entry.user_text, domain: entry.domain_text, encoding: 'auto' as const }
    const written = entry.inverted ? 'inverted' : 'plain'
    const result = fromHashes({ ...account, passNt, passNtlmV2: passV2 })
    t.match(
      result,
      { encodingUsed: written, alternative: undefined },
      'PassNT and PassNTLMv2 agree',
    )
    const expected = Buffer.from(hex(entry.PassNTLMv2).map(b => (entry.inverted ? b ^ 0xff : b)))
    t.same(result.credentials.ntowfV2?.reveal(), expected)
    const alone = fromHashes({ ...account, passNt, passLm, dialect: 'NT' })
    const short = (entry.password_bytes?.length ?? entry.password_text.length * 2) / 2 <= 7
    t.match(
      alone,
      short
        ? { encodingUsed: written, alternative: undefined }
        : { encodingUsed: 'inverted', alternative: Object },
      'PassLM tells for short passwords only',
    )
  }
})

t.test('an encoding that is named is taken as named', async t => {
  const stored = new Secret(invert(ntHash))
  for (const encoding of ['plain', 'inverted'] as const) {
    const result = fromHashes({ dialect: 'NT', passNt: stored, encoding })
    t.match(result, { encodingUsed: encoding, alternative: undefined })
    t.same(
      result.credentials.ntHash?.reveal(),
      encoding === 'plain' ? stored.reveal() : ntHash,
      encoding,
    )
  }
})

t.test('hashes that contradict each other decide nothing', async t => {
  const result = fromHashes({
    encoding: 'auto',
    passNt: new Secret(invert(ntHash)),
    passNtlmV2: new Secret(invert(passNtlmV2(ntHash, 'bob', 'Corp'))),
  })
  t.match(result, { encodingUsed: 'inverted', alternative: Object })
})

t.test('where nothing tells, both readings are there', async t => {
  for (const dialect of ['NTLMv2', 'NT'] as const) {
    for (const written of [ntHash, invert(ntHash)]) {
      const hashes = { dialect, passNt: new Secret(written) }
      const { credentials, alternative } = fromHashes({ ...hashes, encoding: 'auto' })
      t.equal(
        credentials.fingerprint,
        fromHashes({ ...hashes, encoding: 'inverted' }).credentials.fingerprint,
      )
      t.equal(
        alternative?.fingerprint,
        fromHashes({ ...hashes, encoding: 'plain' }).credentials.fingerprint,
      )
    }
  }
})

t.test('a fingerprint tells credentials apart and the same one again', async t => {
  const { fingerprint } = fromPassword('NTLMv2')
  t.equal(fromPassword('NTLMv2').fingerprint, fingerprint)
  const v2 = new Secret(ntHash)
  t.equal(fromHashes({ passNt: v2 }).credentials.fingerprint, fingerprint, 'hash or password')
  const others = [
    fromPassword('NTLMv2', 'other'),
    fromPassword('NT'),
    fromPassword('NTLM2SR'),
    fromPassword('NTLMv2', 'S3cret!pass', { ...names, user: 'bob' }),
    fromPassword('NTLMv2', 'S3cret!pass', { ...names, domain: 'LAB' }),
  ]
  const all = new Set([fingerprint, ...others.map(other => other.fingerprint)])
  t.equal(all.size, others.length + 1)
})

t.test('no print of a credential shows a secret', async t => {
  for (const dialect of dialects) {
    const credentials = fromPassword(dialect)
    const prints = [inspect(credentials, { depth: 9 }), JSON.stringify(credentials)]
    const secrets = [credentials.ntHash, credentials.lmHash, credentials.ntowfV2]
    for (const secret of secrets.flatMap(hash => (hash === undefined ? [] : [hash.reveal()]))) {
      for (const print of prints) {
        t.notOk(print.includes(secret.toString('hex')), dialect)
        t.notOk(print.includes(secret.subarray(0, 4).join(',')), dialect)
      }
    }
    for (const print of prints) t.match(print, '[secret]')
  }
})
