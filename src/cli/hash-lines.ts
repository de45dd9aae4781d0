export interface HashNames {
  readonly user: string
  readonly domain: string
}

/** 16 bytes each, as they are (not inverted). */
export interface Hashes {
  readonly lm?: Buffer | undefined
  readonly nt?: Buffer | undefined
  readonly ntlmV2?: Buffer | undefined
}

/** The lines of a configuration that stand for a password; none for a hash that is not there. */
export function hashLines({ user, domain }: HashNames, { lm, nt, ntlmV2 }: Hashes): string[] {
  const line = (name: string, hash: Buffer | undefined, comment = ''): string[] =>
    hash === undefined ? [] : [`${name.padEnd(16)}${hash.toString('hex').toUpperCase()}${comment}`]
  return [
    'PassEncoding    plain',
    ...line('PassLM', lm),
    ...line('PassNT', nt),
    ...line('PassNTLMv2', ntlmV2, `    # Only for user '${user}', domain '${domain}'`),
  ]
}
