import { type DirectiveSpec, inert } from '../directive-rows.ts'

const ISA_PAGES = 'The progress pages of ISA scanners are handed on to the client as they are'

/** Known from cntlm, without effect here. */
export const OBSOLETE: readonly DirectiveSpec[] = [
  inert('ISAScannerAgent', 'pattern', ISA_PAGES),
  inert('ISAScannerSize', 'KiB', ISA_PAGES),
  inert(
    'SSPI',
    'NTLM',
    'The account of the Windows logon cannot be used, Username and Password are',
  ),
]
