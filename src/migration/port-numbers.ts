import { different, type Remark } from './remarks.ts'

/** cntlm keeps the low 16 bits of a port. */
export function overflowRemarks(port: string | undefined): Remark[] {
  const number = /^[0-9]+$/.test(port ?? '') ? Number(port) : 0
  if (number <= 65535) return []
  return [different(`cntlm takes port ${number % 65536} for it, tsntlm refuses it`)]
}

/** cntlm reads the number behind the last colon as far as there are digits. */
export function trailingRemarks(text: string): Remark[] {
  const [, port = '', rest = ''] =
    /^([0-9]+)([^0-9].*)$/.exec(text.slice(text.lastIndexOf(':') + 1)) ?? []
  const isAddress = !text.includes(':') && rest.startsWith('.')
  if (port === '' || isAddress || text.endsWith(']')) return []
  return [different(`cntlm ignores what is behind the port ${port}, tsntlm refuses it`)]
}
