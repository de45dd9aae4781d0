import { type Clock, type Entropy, ProxyError, type Secret } from '../core/index.ts'
import { answerFlags } from './answer-flags.ts'
import { encodeAuthenticate, MIC_OFFSET } from './authenticate-message.ts'
import { AvId, encodeAvPairs, findAvPair, withClientPairs } from './av-pairs.ts'
import { type ChallengeMessage, parseChallenge } from './challenge-message.ts'
import type { NtlmCredentials } from './credentials.ts'
import { filetimeFromUnixMs } from './filetime.ts'
import { hmacMd5 } from './md5.ts'
import {
  assertUsableOffer,
  hasFlag,
  NegotiateFlags,
  OFFER_HTTP_DEFAULT,
  OFFER_NTLM_V1,
} from './negotiate-flags.ts'
import { encodeNegotiate } from './negotiate-message.ts'
import { rc4 } from './rc4.ts'
import {
  computeLm,
  computeNtlm2Session,
  computeNtlmV1,
  computeNtlmV2,
  type ComputedResponse,
} from './responses.ts'
import { OWN_VERSION } from './version.ts'

export interface InitiatorOptions {
  readonly entropy: Entropy
  readonly clock: Clock
  /** The service principal name of the upstream, "HTTP/host". */
  readonly targetName?: string | undefined
  /** The result of `channelBindingsHash` for the TLS connection to the upstream; zero without TLS. */
  readonly channelBindings?: Buffer | undefined
  /** Replaces the usual Type 1 flags. */
  readonly negotiateFlags?: number | undefined
}

export type InitiatorState = 'initial' | 'negotiated' | 'authenticated'

interface SessionKey {
  /** ExportedSessionKey, 16 bytes. */
  readonly exported: Buffer | undefined
  /** EncryptedRandomSessionKey, or empty. */
  readonly encrypted: Buffer
}

const CHALLENGE_LENGTH = 8
const SESSION_KEY_LENGTH = 16

function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text)
}

function revealHash(hash: Secret<Buffer> | undefined): Buffer {
  if (hash !== undefined) return hash.reveal()
  throw new ProxyError('BUG', { detail: 'A credential lacks the hash of its dialect' })
}

function timestampOf(challenge: ChallengeMessage): Buffer | undefined {
  return findAvPair(challenge.avPairs ?? [], AvId.MsvAvTimestamp)
}

/**
 * The client side of one NTLM handshake (MS-NLMP 3.1.5.1): messages in, messages out, for one connection and a single
 * use. Independent of HTTP and sockets.
 */
export class NtlmInitiator {
  readonly #credentials: NtlmCredentials
  readonly #options: InitiatorOptions
  readonly #offer: number
  #negotiate: Buffer = Buffer.alloc(0)
  #state: InitiatorState = 'initial'

  /** @throws ProxyError CONFIG for flags that cannot be offered */
  constructor(credentials: NtlmCredentials, options: InitiatorOptions) {
    const { dialect } = credentials
    const usual = dialect === 'NTLMv2' || dialect === 'NTLM2SR' ? OFFER_HTTP_DEFAULT : OFFER_NTLM_V1
    this.#credentials = credentials
    this.#options = options
    this.#offer = (options.negotiateFlags ?? usual) >>> 0
    assertUsableOffer(this.#offer)
  }

  get state(): InitiatorState {
    return this.#state
  }

  /**
   * The NEGOTIATE_MESSAGE. It names domain and workstation only when the configured flags say so
   * and the names have a form that needs no code page.
   *
   * @throws ProxyError BUG when called twice
   */
  negotiate(): Buffer {
    this.#advance('initial', 'negotiated')
    const { domain, workstation } = this.#credentials
    const supply = (flag: number, name: string): string =>
      hasFlag(this.#offer, flag) && isAscii(name) ? name : ''
    this.#negotiate = encodeNegotiate({
      flags: this.#offer,
      domain: supply(NegotiateFlags.OEM_DOMAIN_SUPPLIED, domain),
      workstation: supply(NegotiateFlags.OEM_WORKSTATION_SUPPLIED, workstation),
      version: OWN_VERSION,
    })
    return this.#negotiate
  }

  /**
   * The AUTHENTICATE_MESSAGE for a CHALLENGE_MESSAGE. A challenge that fails ends the handshake as well.
   *
   * @throws ProxyError NTLM_MALFORMED, AUTH_UNSUPPORTED when the server cannot be answered in the configured way, BUG
   * out of sequence
   */
  authenticate(message: Buffer): Buffer {
    this.#advance('negotiated', 'authenticated')
    const challenge = parseChallenge(message)
    const flags = answerFlags(this.#credentials.dialect, this.#offer, challenge.flags)
    this.#assertNamesFit(flags)
    // A MIC is sent if there is a timestamp; servers that send none may be too old to handle a MIC.
    const mic = this.#credentials.dialect === 'NTLMv2' && timestampOf(challenge) !== undefined
    const { lm, nt, keyExchangeKey } = this.#respond(challenge, mic)
    const key = this.#exchangeKey(flags, keyExchangeKey)
    try {
      const { domain, user, workstation } = this.#credentials
      const answer = encodeAuthenticate({
        flags,
        domain,
        user,
        workstation,
        lm,
        nt,
        encryptedSessionKey: key.encrypted,
        version: OWN_VERSION,
      })
      if (mic && key.exported !== undefined) {
        // Over the bytes as sent, with the MIC itself zero (MS-NLMP 3.1.5.1.2).
        hmacMd5(key.exported, this.#negotiate, challenge.raw, answer).copy(answer, MIC_OFFSET)
      }
      return answer
    } finally {
      keyExchangeKey?.fill(0)
      key.exported?.fill(0)
    }
  }

  #advance(from: InitiatorState, to: InitiatorState): void {
    if (this.#state !== from) {
      const detail = `NTLM handshake out of sequence: ${this.#state} where ${from} is needed`
      throw new ProxyError('BUG', { detail })
    }
    this.#state = to
  }

  #assertNamesFit(flags: number): void {
    if (hasFlag(flags, NegotiateFlags.UNICODE)) return
    const { domain, user, workstation } = this.#credentials
    if (isAscii(domain + user + workstation)) return
    throw new ProxyError('AUTH_UNSUPPORTED', {
      detail:
        'The upstream proxy takes names in its own code page only, and Username, Domain or Workstation is not ASCII',
    })
  }

  #respond(challenge: ChallengeMessage, mic: boolean): ComputedResponse {
    const { dialect, ntHash, lmHash } = this.#credentials
    const { serverChallenge } = challenge
    switch (dialect) {
      case 'NTLMv2':
        return this.#respondV2(challenge, mic)
      case 'NTLM2SR':
        return computeNtlm2Session(
          revealHash(ntHash),
          serverChallenge,
          this.#options.entropy.bytes(CHALLENGE_LENGTH),
        )
      case 'NTLM':
        return computeNtlmV1(revealHash(ntHash), lmHash?.reveal(), serverChallenge)
      case 'NT':
        return computeNtlmV1(revealHash(ntHash), undefined, serverChallenge)
      case 'LM':
        return computeLm(revealHash(lmHash), serverChallenge)
    }
  }

  #respondV2(challenge: ChallengeMessage, mic: boolean): ComputedResponse {
    const { clock, entropy, channelBindings = Buffer.alloc(16), targetName } = this.#options
    const pairs =
      challenge.avPairs === undefined
        ? []
        : withClientPairs(challenge.avPairs, { mic, channelBindings, targetName })
    const input = {
      ntowfV2: revealHash(this.#credentials.ntowfV2),
      serverChallenge: challenge.serverChallenge,
      clientChallenge: entropy.bytes(CHALLENGE_LENGTH),
      // The server's own time, sent back to it, cannot be wrong.
      time: timestampOf(challenge) ?? filetimeFromUnixMs(clock.wallMs()),
      avPairs: encodeAvPairs(pairs),
    }
    return computeNtlmV2(input, mic)
  }

  /** MS-NLMP 3.1.5.1.2: with KEY_EXCH a random key, wrapped; without, the KXKEY itself. */
  #exchangeKey(flags: number, keyExchangeKey: Buffer | undefined): SessionKey {
    if (keyExchangeKey === undefined || !hasFlag(flags, NegotiateFlags.KEY_EXCH)) {
      return { exported: keyExchangeKey, encrypted: Buffer.alloc(0) }
    }
    const exported = this.#options.entropy.bytes(SESSION_KEY_LENGTH)
    return { exported, encrypted: rc4(keyExchangeKey, exported) }
  }
}
