import { readFileSync } from 'node:fs'

/** The shape of the known-answer file: byte strings are hex, keys ending in `_text` are text. */
export interface NtlmVectors {
  readonly md4: readonly { in_text: string; out: string }[]
  readonly md5: readonly { in: string; out: string }[]
  readonly hmac_md5: readonly { key: string; data: string; out: string }[]
  readonly rc4: readonly { key: string; keystream_0_31: string }[]
  readonly rc4k: readonly { key: string; data: string; out: string }[]
  readonly des_key_expand: readonly { in7: string; out8_odd_parity: string }[]
  readonly des_ecb_8byte_key: readonly { key: string; in: string; out: string }[]
  readonly des_7byte_key: readonly { key7: string; in: string; out: string }[]
  readonly desl: readonly { key16: string; in: string; out: string }[]
  readonly lmowfv1: readonly { password_text: string; out: string }[]
  readonly ntowfv1: readonly { password_text: string; out: string }[]
  readonly ntowfv2: readonly {
    user_text: string
    domain_text: string
    password_text?: string
    nt_hash?: string
    out: string
  }[]
  readonly cntlm_hashes: readonly CntlmHashes[]
  readonly rejected: readonly {
    user_text: string
    domain_text: string
    password_text: string
    published: string
  }[]
  readonly ms_nlmp: {
    readonly '4.2.1_common': Readonly<Record<string, string>>
    readonly '4.2.2_NTLMv1': MsNlmpSection
    readonly '4.2.3_NTLMv1_client_challenge': MsNlmpSection
    readonly '4.2.4_NTLMv2': MsNlmpSection
  }
  readonly responses: readonly ResponseVector[]
  readonly channel_bindings: readonly { application_data: string; md5: string }[]
  readonly exchanges: readonly ExchangeVector[]
  readonly messages: readonly {
    id: string
    hex: string
    expect?: Readonly<Record<string, string>>
  }[]
  readonly upcase: readonly { in_text: string; out_utf16le: string; out_xp_utf16le: string }[]
  readonly upcase_tables: readonly {
    id: string
    runs: readonly (readonly [number, number, number, number])[]
    md5_of_65536_u16le: string
  }[]
  readonly self_exchanges: readonly SelfExchange[]
  readonly challenge_parse: readonly {
    id: string
    hex?: string
    prefix_hex?: string
    then_zero_bytes?: number
    verdict: 'accept' | 'reject'
    reason: string
  }[]
  readonly base64_token: readonly { text: string; verdict: string; why: string }[]
}

/** Figures by name; other values than text occur only in parts that the product does not cover. */
export type MsNlmpSection = Readonly<Record<string, string>>

export interface CntlmHashes {
  readonly user_text: string
  readonly domain_text: string
  readonly password_text: string
  /** The bytes that cntlm took one by one as UTF-16 units, where the terminal gave it UTF-8. */
  readonly password_bytes?: string
  readonly inverted: boolean
  readonly PassLM: string
  readonly PassNT: string
  readonly PassNTLMv2: string
}

export interface ResponseVector {
  readonly source: string
  readonly kind: string
  readonly user_text?: string
  readonly domain_text?: string
  readonly password_text: string
  readonly server_challenge: string
  readonly client_challenge?: string
  readonly time?: string
  readonly target_info?: string
  readonly trailer?: string
  readonly out?: string
  readonly lm?: string
  readonly nt_proof?: string
  readonly session_base_key?: string
}

export interface ExchangeVector {
  readonly id: string
  readonly user_text: string
  readonly domain_text: string
  readonly password_text: string
  readonly negotiate: string | null
  readonly challenge: string | null
  readonly server_challenge?: string
  readonly authenticate: string
  readonly mic: string | null
  readonly cbt_md5?: string
  readonly exported_session_key?: string
}

export interface SelfExchange {
  readonly id: string
  readonly dialect: 'NTLMv2' | 'NTLM2SR' | 'NTLM' | 'NT' | 'LM'
  readonly user_text: string
  readonly domain_text: string
  readonly password_text: string
  readonly workstation_text: string
  readonly spn_text?: string | null
  readonly cbt_md5?: string | null
  readonly client_challenge: string | null
  readonly clock_filetime_le?: string
  readonly negotiate: string
  readonly challenge: string
  readonly authenticate: string
  readonly ntowfv2?: string
  readonly exported_session_key: string | null
  readonly mic: string | null
  readonly key_exchange: boolean
}

const file = new URL('../vectors/ntlm-vectors.json', import.meta.url)

export const vectors = JSON.parse(readFileSync(file, 'utf8')) as NtlmVectors

export function hex(text: string): Buffer {
  return Buffer.from(text, 'hex')
}
