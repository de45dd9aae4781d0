import { type Clock, type Entropy, systemClock, systemEntropy } from '../core/index.ts'
import { type AcceptRules, judge, refuse, type Verdict } from './ntlm-verdict.ts'
import {
  AvId,
  type AvPair,
  Flag,
  malformed,
  readOfferedFlags,
  writeAvPairs,
  writeChallenge,
} from './ntlm-wire.ts'

export interface ServerNames {
  readonly nbDomain: string
  readonly nbComputer: string
  readonly dnsDomain: string
  readonly dnsComputer: string
}

export interface AcceptorOptions extends Omit<AcceptRules, 'dnsDomain'> {
  readonly names?: ServerNames
  readonly clock?: Clock
  readonly entropy?: Entropy
  /** MsvAvTimestamp in the challenge, which makes clients send a MIC. Default true. */
  readonly sendTimestamp?: boolean
  /** Speak OEM names even to clients that offer Unicode. */
  readonly oemOnly?: boolean
  /** `no-target-info` and `short` (a header of 32 bytes, no ESS) are what old servers send. */
  readonly challengeForm?: 'full' | 'no-target-info' | 'short'
}

const DEMO_NAMES: ServerNames = {
  nbDomain: 'DEMO',
  nbComputer: 'UPSTREAM',
  dnsDomain: 'demo.test',
  dnsComputer: 'upstream.demo.test',
}

/** How long a challenge may wait for its answer, in milliseconds. */
const CHALLENGE_LIFE_MS = 30 * 60 * 1000

/** Granted when the client offers them; an acceptor adds nothing that was not asked for but the target flags. */
const GRANTED =
  Flag.REQUEST_TARGET |
  Flag.SIGN |
  Flag.SEAL |
  Flag.NTLM |
  Flag.ALWAYS_SIGN |
  Flag.EXTENDED_SESSIONSECURITY |
  Flag.VERSION |
  Flag.KEY_128 |
  Flag.KEY_EXCH |
  Flag.KEY_56

const GRANTED_BY_OLD = Flag.REQUEST_TARGET | Flag.NTLM | Flag.ALWAYS_SIGN

interface Pending {
  readonly negotiate: Buffer
  readonly challenge: Buffer
  readonly issuedAt: number
}

/** The server's side of NTLM on one connection. */
export class NtlmAcceptor {
  readonly #options: AcceptorOptions
  readonly #names: ServerNames
  readonly #clock: Clock
  #pending: Pending | undefined

  constructor(options: AcceptorOptions) {
    this.#options = options
    this.#names = options.names ?? DEMO_NAMES
    this.#clock = options.clock ?? systemClock
  }

  /**
   * Answers a NEGOTIATE with a fresh CHALLENGE; one that is still pending is forgotten.
   * Throws NTLM_MALFORMED when there is no character set in common.
   */
  challenge(type1: Buffer): Buffer {
    const offered = readOfferedFlags(type1)
    const entropy = this.#options.entropy ?? systemEntropy
    const form = this.#options.challengeForm ?? 'full'
    const challenge = writeChallenge({
      flags: this.#grantFlags(offered),
      serverChallenge: entropy.bytes(8),
      targetName: (offered & Flag.REQUEST_TARGET) !== 0 ? this.#names.nbDomain : '',
      targetInfo: this.#targetInfo(form),
    })
    this.#pending = { negotiate: Buffer.from(type1), challenge, issuedAt: this.#clock.now() }
    return challenge
  }

  /** Judges an AUTHENTICATE. The challenge is used up, whatever the verdict. */
  verify(type3: Buffer): Verdict {
    const pending = this.#pending
    this.#pending = undefined
    if (pending === undefined) return refuse('no challenge is pending on this connection')
    if (this.#clock.now() - pending.issuedAt > CHALLENGE_LIFE_MS) {
      return refuse('the challenge has expired')
    }
    const { negotiate, challenge } = pending
    const rules = { ...this.#options, dnsDomain: this.#names.dnsDomain }
    return judge({ negotiate, challenge, authenticate: type3 }, rules)
  }

  /** Gives up a challenge that is pending: the handshake was broken off. */
  forget(): void {
    this.#pending = undefined
  }

  #grantFlags(offered: number): number {
    const { oemOnly = false, challengeForm = 'full' } = this.#options
    const charset = offered & (oemOnly ? Flag.OEM : Flag.UNICODE) || offered & Flag.OEM
    if (charset === 0) throw malformed('the client offers no character set that is spoken here')
    const isShort = challengeForm === 'short'
    const granted = offered & (isShort ? GRANTED_BY_OLD : GRANTED)
    const named = (offered & Flag.REQUEST_TARGET) !== 0 && !isShort ? Flag.TARGET_TYPE_DOMAIN : 0
    const info = challengeForm === 'full' ? Flag.TARGET_INFO : 0
    return (granted | charset | named | info) >>> 0
  }

  /** The list of a Windows server, in its order; empty or absent for the old forms. */
  #targetInfo(form: 'full' | 'no-target-info' | 'short'): Buffer | undefined {
    if (form === 'short') return undefined
    if (form === 'no-target-info') return Buffer.alloc(0)
    const { nbDomain, nbComputer, dnsDomain, dnsComputer } = this.#names
    const names: [number, string][] = [
      [AvId.NB_DOMAIN, nbDomain],
      [AvId.NB_COMPUTER, nbComputer],
      [AvId.DNS_DOMAIN, dnsDomain],
      [AvId.DNS_COMPUTER, dnsComputer],
      [AvId.DNS_TREE, dnsDomain],
    ]
    const pairs: AvPair[] = names.map(([id, text]) => ({ id, value: Buffer.from(text, 'utf16le') }))
    if (this.#options.sendTimestamp !== false) {
      pairs.push({ id: AvId.TIMESTAMP, value: fileTime(this.#clock.wallMs()) })
    }
    return writeAvPairs(pairs)
  }
}

/** FILETIME: 100-nanosecond steps since 1601, little-endian. */
function fileTime(unixMs: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(Math.floor(unixMs)) * 10_000n + 116_444_736_000_000_000n)
  return bytes
}
