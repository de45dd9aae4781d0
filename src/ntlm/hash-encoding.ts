import { passNtlmV2 } from './one-way-functions.ts'

/** How cntlm stored a hash: as it is, or with every bit inverted (up to 0.92.3 and the 0.93 betas). */
export type HashEncoding = 'plain' | 'inverted'

export interface StoredHashes {
  readonly nt: Buffer | undefined
  readonly lm: Buffer | undefined
  readonly ntlmV2: Buffer | undefined
}

/** The LM hash of an empty half: the hash of a password of at most 7 characters ends in it. */
const EMPTY_LM_HALF = Buffer.from('aad3b435b51404ee', 'hex')

/** The hash itself, as a copy. */
export function decodeHash(stored: Buffer, encoding: HashEncoding): Buffer {
  return Buffer.from(encoding === 'plain' ? stored : stored.map(byte => byte ^ 0xff))
}

const ENCODINGS: readonly HashEncoding[] = ['plain', 'inverted']

/** The only encoding for which the test holds, or undefined when it holds for none or for both. */
function onlyOne(holds: (encoding: HashEncoding) => boolean): HashEncoding | undefined {
  const fitting = ENCODINGS.filter(holds)
  return fitting.length === 1 ? fitting[0] : undefined
}

/**
 * Detects the encoding from the hashes alone: PassNTLMv2 follows from PassNT, and PassLM may end in a constant.
 * Undefined when that is inconclusive: policy/credential-choice.ts then lets the upstream decide, with at most one
 * wrong attempt for each encoding.
 */
export function detectHashEncoding(
  stored: StoredHashes,
  user: string,
  domain: string,
): HashEncoding | undefined {
  const { nt, lm, ntlmV2 } = stored
  const byNtlmV2 =
    nt !== undefined && ntlmV2 !== undefined
      ? onlyOne(encoding =>
          passNtlmV2(decodeHash(nt, encoding), user, domain).equals(decodeHash(ntlmV2, encoding)),
        )
      : undefined
  if (byNtlmV2 !== undefined || lm === undefined) return byNtlmV2
  return onlyOne(encoding => decodeHash(lm, encoding).subarray(8).equals(EMPTY_LM_HALF))
}
