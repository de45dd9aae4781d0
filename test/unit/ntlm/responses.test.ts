import t, { type Test } from 'tap'

import { parseAuthenticate } from '../../../src/ntlm/authenticate-message.ts'
import { AvId, findAvPair, parseAvPairs } from '../../../src/ntlm/av-pairs.ts'
import { encodeChallenge, parseChallenge } from '../../../src/ntlm/challenge-message.ts'
import { hmacMd5 } from '../../../src/ntlm/md5.ts'
import { lmowfv1, ntowfv1, ntowfv2 } from '../../../src/ntlm/one-way-functions.ts'
import { rc4 } from '../../../src/ntlm/rc4.ts'
import {
  computeLm,
  computeNtlm2Session,
  computeNtlmV1,
  computeNtlmV2,
  encodeTemp,
  lmV2Response,
  ntProofStr,
  sessionBaseKeyV2,
} from '../../../src/ntlm/responses.ts'
import {
  type ExchangeVector,
  hex,
  type MsNlmpSection,
  type ResponseVector,
  vectors,
} from '../../harness/ntlm-vectors.ts'

function figure(section: MsNlmpSection, name: string): Buffer {
  const value = section[name]
  if (typeof value !== 'string') throw new Error(`The vectors lack ${name}`)
  return hex(value)
}

const common = vectors.ms_nlmp['4.2.1_common']
const serverChallenge = figure(common, 'ServerChallenge')
const clientChallenge = figure(common, 'ClientChallenge')
const randomSessionKey = figure(common, 'RandomSessionKey')
const ntHash = ntowfv1('Password')
const lmHash = lmowfv1('Password')

function lmHashOf(password: string): Buffer {
  const hash = lmowfv1(password)
  if (hash === undefined) throw new Error(`"${password}" has no LM hash`)
  return hash
}

// https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-nlmp/ section 4.2.2
t.test('MS-NLMP 4.2.2, NTLMv1, comes out', async t => {
  const section = vectors.ms_nlmp['4.2.2_NTLMv1']
  t.same(lmHash, figure(section, 'LMOWFv1'))
  t.same(ntHash, figure(section, 'NTOWFv1'))
  const { lm, nt, keyExchangeKey } = computeNtlmV1(ntHash, lmHash, serverChallenge)
  t.same(nt, figure(section, 'NTLMv1Response'))
  t.same(lm, figure(section, 'LMv1Response'))
  t.same(keyExchangeKey, figure(section, 'KeyExchangeKey'))
  const key = keyExchangeKey ?? Buffer.alloc(0)
  t.same(rc4(key, randomSessionKey), figure(section, 'EncryptedSessionKey'))
  const answer = parseAuthenticate(figure(section, 'AUTHENTICATE_MESSAGE'))
  t.match(answer, { lm, nt, domain: 'Domain', user: 'User', workstation: 'COMPUTER' })
  t.same(answer.encryptedSessionKey, figure(section, 'EncryptedSessionKey'))
})

t.test('MS-NLMP 4.2.3, NTLMv1 with a client challenge, comes out', async t => {
  const section = vectors.ms_nlmp['4.2.3_NTLMv1_client_challenge']
  const response = computeNtlm2Session(ntHash, serverChallenge, clientChallenge)
  t.same(response.lm, figure(section, 'LmChallengeResponse'))
  t.same(response.nt, figure(section, 'NTLMv1Response'))
  t.same(response.keyExchangeKey, figure(section, 'KeyExchangeKey'))
  const answer = parseAuthenticate(figure(section, 'AUTHENTICATE_MESSAGE'))
  t.match(answer, { lm: response.lm, nt: response.nt, encryptedSessionKey: Buffer.alloc(0) })
})

t.test('MS-NLMP 4.2.4, NTLMv2, comes out', async t => {
  const section = vectors.ms_nlmp['4.2.4_NTLMv2']
  const hash = ntowfv2(ntHash, 'User', 'Domain')
  t.same(hash, figure(section, 'NTOWFv2'))
  const input = {
    ntowfV2: hash,
    serverChallenge,
    clientChallenge,
    time: Buffer.alloc(8),
    avPairs: figure(section, 'TargetInfo'),
  }
  t.same(encodeTemp(input), figure(section, 'temp'))
  const { lm, nt, keyExchangeKey } = computeNtlmV2(input, false)
  t.same(lm, figure(section, 'LMv2Response'))
  t.same(nt.subarray(0, 16), figure(section, 'NTProofStr'))
  t.same(nt, figure(section, 'NtChallengeResponse'))
  t.same(keyExchangeKey, figure(section, 'SessionBaseKey'))
  const key = keyExchangeKey ?? Buffer.alloc(0)
  t.same(rc4(key, randomSessionKey), figure(section, 'EncryptedSessionKey'))
  const answer = parseAuthenticate(figure(section, 'AUTHENTICATE_MESSAGE'))
  t.match(answer, { lm, nt, domain: 'Domain', user: 'User', workstation: 'COMPUTER' })
})

t.test('the challenges of MS-NLMP 4.2 are read and written byte for byte', async t => {
  for (const section of [
    vectors.ms_nlmp['4.2.2_NTLMv1'],
    vectors.ms_nlmp['4.2.3_NTLMv1_client_challenge'],
    vectors.ms_nlmp['4.2.4_NTLMv2'],
  ]) {
    const bytes = figure(section, 'CHALLENGE_MESSAGE')
    const challenge = parseChallenge(bytes)
    t.equal(challenge.flags, Number(section['NegotiateFlags']))
    t.equal(challenge.targetName, 'Server')
    t.same(challenge.serverChallenge, serverChallenge)
    t.same(challenge.version, { major: 6, minor: 0, build: 6000 })
    t.same(encodeChallenge({ ...challenge, targetName: 'Server' }), bytes)
  }
})

function checkV2(t: Test, vector: ResponseVector): void {
  const ntowfV2 = ntowfv2(
    ntowfv1(vector.password_text),
    vector.user_text ?? '',
    vector.domain_text ?? '',
  )
  const challenge = hex(vector.server_challenge)
  const input = {
    ntowfV2,
    serverChallenge: challenge,
    clientChallenge: hex(vector.client_challenge ?? ''),
    time: hex(vector.time ?? ''),
    avPairs: hex(vector.target_info ?? ''),
  }
  if (vector.kind === 'LMv2') {
    t.equal(lmV2Response(input).toString('hex'), vector.out)
    return
  }
  // Others end `temp` right after the pairs; we always add the 4 zero bytes.
  const temp = encodeTemp(input)
  const sent = vector.trailer === '' ? temp.subarray(0, -4) : temp
  const proof = ntProofStr(ntowfV2, challenge, sent)
  const out = Buffer.concat([proof, sent]).toString('hex')
  if (vector.out !== undefined) t.equal(out, vector.out)
  if (vector.nt_proof !== undefined) t.equal(proof.toString('hex'), vector.nt_proof)
  if (vector.session_base_key !== undefined) {
    t.equal(sessionBaseKeyV2(ntowfV2, proof).toString('hex'), vector.session_base_key)
  }
}

t.test('single responses of other implementations come out', async t => {
  for (const vector of vectors.responses) {
    const challenge = hex(vector.server_challenge)
    const hash = ntowfv1(vector.password_text)
    await t.test(`${vector.source} ${vector.kind}`, async t => {
      switch (vector.kind) {
        case 'LMv1': {
          const { lm, nt } = computeLm(lmHashOf(vector.password_text), challenge)
          t.equal(lm.toString('hex'), vector.out)
          t.equal(nt.length, 0)
          break
        }
        case 'NTLMv1': {
          const { lm, nt } = computeNtlmV1(hash, undefined, challenge)
          t.equal(nt.toString('hex'), vector.out)
          t.same(lm, nt)
          break
        }
        case 'NTLM2SR': {
          const client = hex(vector.client_challenge ?? '')
          const { lm, nt } = computeNtlm2Session(hash, challenge, client)
          t.equal(nt.toString('hex'), vector.out)
          t.equal(lm.toString('hex'), vector.lm)
          break
        }
        default:
          t.match(vector.kind, /^(LM|NTLM)v2$/)
          checkV2(t, vector)
      }
    })
  }
})

function checkExchange(t: Test, exchange: ExchangeVector): void {
  const { user_text, domain_text, password_text, cbt_md5, exported_session_key } = exchange
  const answer = parseAuthenticate(hex(exchange.authenticate))
  t.match(answer, { user: user_text, domain: domain_text })
  const hash = ntowfv2(ntowfv1(password_text), user_text, domain_text)
  const proof = answer.nt.subarray(0, 16)
  const temp = answer.nt.subarray(16)
  const challenge =
    exchange.challenge === null
      ? exchange.server_challenge
      : parseChallenge(hex(exchange.challenge)).serverChallenge.toString('hex')
  if (challenge !== undefined) t.same(ntProofStr(hash, hex(challenge), temp), proof)
  const sessionBaseKey = sessionBaseKeyV2(hash, proof)
  const exported =
    answer.encryptedSessionKey.length === 0
      ? sessionBaseKey
      : rc4(sessionBaseKey, answer.encryptedSessionKey)
  if (exported_session_key !== undefined) {
    t.equal(exported.toString('hex'), exported_session_key)
  }
  const { pairs } = parseAvPairs(temp.subarray(28))
  if (cbt_md5 !== undefined) {
    t.equal(findAvPair(pairs, AvId.MsvAvChannelBindings)?.toString('hex'), cbt_md5)
  }
  if (exchange.negotiate !== null && exchange.challenge !== null && exchange.mic !== null) {
    const unsigned = hex(exchange.authenticate).fill(0, 72, 88)
    const mic = hmacMd5(exported, hex(exchange.negotiate), hex(exchange.challenge), unsigned)
    t.equal(mic.toString('hex'), exchange.mic)
    t.equal(answer.mic?.toString('hex'), exchange.mic)
  }
}

t.test('recorded exchanges of other clients follow from their passwords', async t => {
  for (const exchange of vectors.exchanges) {
    await t.test(exchange.id, async t => checkExchange(t, exchange))
  }
})
