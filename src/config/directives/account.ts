import { type DirectiveSpec, single, asWritten } from '../directive-rows.ts'
import {
  oneOf,
  parseDialect,
  parseAbsolutePath,
  parseHash,
  parseNegotiateFlags,
  parseOptionalText,
  parsePassword,
  parseText,
  swapBytes,
} from '../values.ts'

const asSecret = (value: unknown): string | undefined =>
  value === undefined ? undefined : '[secret]'
const asPlace = (place: string | undefined): string => (place === undefined ? '' : ` from ${place}`)
const asFlags = (flags: number | undefined): string | undefined =>
  flags === undefined ? undefined : `0x${swapBytes(flags).toString(16).padStart(8, '0')}`

/** The account that logs on to the upstream proxies. */
export const ACCOUNT: readonly DirectiveSpec[] = [
  single('Username', 'username', {
    grammar: 'user | DOMAIN\\user | user@domain',
    doc: 'Account that logs on to the upstream proxies',
    parse: parseText,
    show: asWritten,
  }),
  single('Domain', 'domain', {
    grammar: 'name',
    doc: 'Windows domain of the account',
    parse: parseText,
    show: asWritten,
  }),
  single('Workstation', 'workstation', {
    grammar: 'name',
    doc: 'NetBIOS name given as the place of the logon',
    otherwise: 'the name of the host',
    parse: parseOptionalText,
    show: asWritten,
  }),
  {
    ...single('Password', 'password', {
      grammar: 'text',
      doc: 'Password of the account; beats PasswordFile and the hashes',
      parse: parsePassword,
      show: asSecret,
    }),
    show: ({ password, passwordFrom }) =>
      password === undefined
        ? []
        : [{ name: 'Password', value: `[secret]${asPlace(passwordFrom)}` }],
  },
  single('PasswordFile', 'passwordFile', {
    grammar: 'absolute path',
    doc: 'File whose first line is the password; beats the hashes',
    since: 'tsntlm',
    parse: parseAbsolutePath,
    // The password that was read from it shows where it is from.
    show: () => undefined,
  }),
  single('PassNTLMv2', 'passNtlmV2', {
    grammar: '32 hexadecimal digits',
    doc: 'Hash of user, domain and password for Auth NTLMv2',
    parse: parseHash,
    show: asSecret,
  }),
  single('PassNT', 'passNt', {
    grammar: '32 hexadecimal digits',
    doc: 'Hash of the password for every Auth but LM',
    parse: parseHash,
    show: asSecret,
  }),
  single('PassLM', 'passLm', {
    grammar: '32 hexadecimal digits',
    doc: 'Hash of the password for Auth LM and NTLM',
    parse: parseHash,
    show: asSecret,
  }),
  single('PassEncoding', 'passEncoding', {
    grammar: 'auto | plain | inverted',
    doc: 'How the hashes are written: plain (cntlm 0.94), every bit inverted (cntlm 0.92), or to be found out',
    since: 'tsntlm',
    parse: oneOf('auto', 'plain', 'inverted'),
    show: value => value,
  }),
  single('Auth', 'dialect', {
    grammar: 'NTLMv2 | NTLM2SR | NTLM | NT | LM',
    doc: 'Dialect of the logon; all but NTLMv2 are weak',
    parse: parseDialect,
    show: value => value,
  }),
  single('Flags', 'negotiateFlags', {
    grammar: '32-bit number, bytes in wire order',
    doc: 'NegotiateFlags of the first NTLM message',
    otherwise: 'those of the dialect',
    parse: parseNegotiateFlags,
    show: asFlags,
  }),
]
