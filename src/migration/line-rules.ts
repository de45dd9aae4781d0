import type { Directive } from '../config/index.ts'
import { better, different, type Remark, remarksOf } from './remarks.ts'

/** cntlm reads lines into a buffer of 4096 bytes. */
const LONGEST_LINE = 4095

interface Line {
  readonly text: string
  /** Counted from 1. */
  readonly number: number
  readonly isLast: boolean
}

/** What cntlm's way of reading files makes of a line, whatever its directive is. */
export function lineRemarks(line: Line, directive: Directive, hasMark: boolean): Remark[] {
  return remarksOf(
    [
      line.isLast,
      different('cntlm drops the last line of a file when it does not end in a newline'),
    ],
    [
      line.number === 1 && hasMark,
      better('the byte order mark in front of it is skipped; cntlm loses the line'),
    ],
    [
      Buffer.byteLength(line.text) > LONGEST_LINE,
      better(`cntlm cuts the line behind ${LONGEST_LINE} bytes and reads the rest as a new one`),
    ],
    [
      // The password has a rule of its own for this.
      directive.value === '' && directive.name.toLowerCase() !== 'password',
      different('the value is empty; cntlm reads the quotation mark as a part of it'),
    ],
  )
}

export function hasByteOrderMark(bytes: Buffer): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
}
