import { timingSafeEqual } from 'node:crypto'
import { isProxyError } from '../core/index.ts'
import { upcase } from '../ntlm/index.ts'
import {
  desLong,
  hmacMd5,
  lmHash,
  ntHash,
  ntlm2SessionResponse,
  ntlmV2Hash,
  rc4,
} from './ntlm-responses.ts'
import {
  type Authenticate,
  AvId,
  type AvPair,
  findAv,
  Flag,
  MIC_OFFSET,
  readAuthenticate,
  readAvPairs,
  readChallenge,
} from './ntlm-wire.ts'

export interface NtlmAccount {
  readonly user: string
  readonly domain: string
  readonly password: string
}

export type AcceptedDialect = 'NTLMv2' | 'NTLM2SR' | 'NTLM' | 'NT' | 'LM'

export type Verdict =
  | {
      readonly ok: true
      readonly user: string
      readonly domain: string
      readonly workstation: string
      readonly dialect: AcceptedDialect
      readonly micChecked: boolean
    }
  | { readonly ok: false; readonly reason: string }

/** Whom to let in, and what their AUTHENTICATE has to bring along. */
export interface AcceptRules {
  readonly accounts: readonly NtlmAccount[]
  /** Also accepted as the domain of an account, and behind the @ of a user principal name. */
  readonly dnsDomain?: string
  /** Refuse a client that sends no message integrity code. */
  readonly requireMic?: boolean
  /** The 16-byte channel binding hash that the client must have sent. */
  readonly requireCbt?: Buffer
  /** The service principal name that the client must have sent; compared without case. */
  readonly expectedSpn?: string
  /** Accept NTLM2SR, NTLM, NT and LM too. Off: NTLMv2 alone. */
  readonly allowOlderDialects?: boolean
}

/** The three messages as they crossed the wire: the MIC is computed over these very bytes. */
export interface Conversation {
  readonly negotiate: Buffer
  readonly challenge: Buffer
  readonly authenticate: Buffer
}

type Finding =
  { readonly dialect: AcceptedDialect; readonly micChecked: boolean } | { readonly fault: string }

const WRONG_PASSWORD = 'the password is wrong'

/** Judges a finished conversation. Never throws for what a client sent; reasons name no secret. */
export function judge(conversation: Conversation, rules: AcceptRules): Verdict {
  try {
    const message = readAuthenticate(conversation.authenticate)
    const account = findAccount(message, rules)
    // An unknown account is checked against a decoy, so that the answer takes as long as for a wrong password.
    const password = account?.password ?? 'decoy'
    const finding =
      message.nt.length > 24
        ? checkNtlmV2(conversation, message, password, rules)
        : checkOlder(conversation, message, password, rules)
    if ('fault' in finding) {
      const isUnknown = account === undefined && finding.fault === WRONG_PASSWORD
      return refuse(isUnknown ? 'the account is unknown' : finding.fault)
    }
    if (account === undefined) return refuse('the account is unknown')
    const { user, domain, workstation } = message
    return { ok: true, user, domain, workstation, ...finding }
  } catch (error) {
    if (isProxyError(error)) return refuse(error.detail ?? error.message)
    throw error
  }
}

export function refuse(reason: string): Verdict {
  return { ok: false, reason }
}

function findAccount(message: Authenticate, rules: AcceptRules): NtlmAccount | undefined {
  const { user, domain } = message
  const { dnsDomain } = rules
  return rules.accounts.find(account => {
    if (dnsDomain !== undefined && domain === '') {
      if (sameName(user, `${account.user}@${dnsDomain}`)) return true
    }
    const inDomain =
      domain === '' ||
      sameName(domain, account.domain) ||
      (dnsDomain !== undefined && sameName(domain, dnsDomain))
    return inDomain && sameName(user, account.user)
  })
}

function sameName(a: string, b: string): boolean {
  return upcase(a) === upcase(b)
}

function equal(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/** NTLMv2 (MS-NLMP section 3.3.2): NTProofStr[16], then the blob, whose AV pairs start at its byte 28. */
function checkNtlmV2(
  conversation: Conversation,
  message: Authenticate,
  password: string,
  rules: AcceptRules,
): Finding {
  const { serverChallenge, targetInfo } = readChallenge(conversation.challenge)
  const hash = ntlmV2Hash(password, message.user, message.domain)
  const proof = message.nt.subarray(0, 16)
  const blob = message.nt.subarray(16)
  if (!equal(proof, hmacMd5(hash, serverChallenge, blob))) return { fault: WRONG_PASSWORD }
  if (blob.length < 32 || blob.readUInt16BE(0) !== 0x0101) {
    return { fault: 'the NTLMv2 response is malformed' }
  }
  if (!isLmFieldFit(message.lm, hash, serverChallenge)) {
    return { fault: 'the LMv2 response is wrong' }
  }
  const pairs = readAvPairs(blob.subarray(28))
  const offered = targetInfo === undefined ? [] : readAvPairs(targetInfo)
  const avFault = findAvFault(pairs, offered, rules)
  if (avFault !== undefined) return { fault: avFault }
  return checkMic(conversation, message, hmacMd5(hash, proof), pairs, rules)
}

/** Beside NTLMv2 the LM field is empty, 24 zero bytes, or a right LMv2 response. */
function isLmFieldFit(lm: Buffer, hash: Buffer, serverChallenge: Buffer): boolean {
  if (lm.length === 0) return true
  if (lm.length !== 24) return false
  if (lm.every(byte => byte === 0)) return true
  return equal(lm.subarray(0, 16), hmacMd5(hash, serverChallenge, lm.subarray(16)))
}

function findAvFault(
  pairs: readonly AvPair[],
  offered: readonly AvPair[],
  rules: AcceptRules,
): string | undefined {
  for (const { id, value } of offered) {
    // The client may set bits of its own in the server's MsvAvFlags.
    if (id === AvId.FLAGS) continue
    if (!pairs.some(pair => pair.id === id && pair.value.equals(value))) {
      return `AV pair ${id} of the challenge did not come back unchanged`
    }
  }
  const { requireCbt, expectedSpn } = rules
  const binding = findAv(pairs, AvId.CHANNEL_BINDINGS) ?? Buffer.alloc(0)
  if (requireCbt !== undefined && !equal(binding, requireCbt)) {
    return 'the channel binding is not that of this connection'
  }
  const spn = findAv(pairs, AvId.TARGET_NAME)?.toString('utf16le') ?? ''
  if (expectedSpn !== undefined && !sameName(spn, expectedSpn)) {
    return 'the target name is not that of this server'
  }
  return undefined
}

/**
 * A MIC must be right when MsvAvFlags announces it (MS-NLMP section 3.2.5.1.2): that bit is inside the keyed blob, so
 * nobody on the way can take it out. Samba's client sends one without announcing it; a right one counts as well.
 */
function checkMic(
  conversation: Conversation,
  message: Authenticate,
  sessionBaseKey: Buffer,
  pairs: readonly AvPair[],
  rules: AcceptRules,
): Finding {
  const avFlags = findAv(pairs, AvId.FLAGS)
  if (avFlags !== undefined && avFlags.length !== 4) return { fault: 'MsvAvFlags is malformed' }
  const isAnnounced = avFlags !== undefined && (avFlags.readUInt32LE(0) & 2) !== 0
  const isExchanged = ((message.flags ?? 0) & Flag.KEY_EXCH) !== 0
  if (isExchanged && message.sessionKey.length !== 16) {
    return { fault: 'KEY_EXCH is set without a session key of 16 bytes' }
  }
  const key = isExchanged ? rc4(sessionBaseKey, message.sessionKey) : sessionBaseKey
  const blanked = Buffer.from(conversation.authenticate)
  blanked.fill(0, MIC_OFFSET, MIC_OFFSET + 16)
  const expected = hmacMd5(key, conversation.negotiate, conversation.challenge, blanked)
  if (message.mic !== undefined && equal(message.mic, expected)) {
    return { dialect: 'NTLMv2', micChecked: true }
  }
  if (isAnnounced) return { fault: 'the message integrity code is wrong' }
  return rules.requireMic === true
    ? { fault: 'the message integrity code is missing' }
    : { dialect: 'NTLMv2', micChecked: false }
}

/** NTLM2SR, NTLM, NT and LM (MS-NLMP section 3.3.1), told apart by what the two response fields hold. */
function checkOlder(
  conversation: Conversation,
  message: Authenticate,
  password: string,
  rules: AcceptRules,
): Finding {
  if (message.nt.length === 0 && message.lm.length <= 1) {
    return { fault: 'an anonymous logon is not accepted' }
  }
  if (rules.allowOlderDialects !== true || rules.requireMic === true) {
    return { fault: 'the dialect is older than NTLMv2' }
  }
  const { flags: sentFlags, serverChallenge } = readChallenge(conversation.challenge)
  const { lm, nt } = message
  const lmOwf = lmHash(password)
  const isLmRight = lmOwf !== undefined && equal(lm, desLong(lmOwf, serverChallenge))
  if (nt.length === 0) {
    return isLmRight ? { dialect: 'LM', micChecked: false } : { fault: WRONG_PASSWORD }
  }
  if (((message.flags ?? sentFlags) & Flag.EXTENDED_SESSIONSECURITY) !== 0) {
    const clientChallenge = lm.subarray(0, 8)
    const expected = ntlm2SessionResponse(ntHash(password), serverChallenge, clientChallenge)
    return equal(nt, expected)
      ? { dialect: 'NTLM2SR', micChecked: false }
      : { fault: WRONG_PASSWORD }
  }
  if (!equal(nt, desLong(ntHash(password), serverChallenge))) return { fault: WRONG_PASSWORD }
  return { dialect: isLmRight ? 'NTLM' : 'NT', micChecked: false }
}
