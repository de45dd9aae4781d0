import { parseHeader, quote } from '../config/index.ts'
import { parseAddressRule } from '../core/index.ts'
import { compileNoProxy } from '../policy/index.ts'
import { overflowRemarks, trailingRemarks } from './port-numbers.ts'
import {
  allOf,
  better,
  cutBy,
  different,
  hasNonAscii,
  type Remark,
  remarksOf,
  type Rule,
  type Rules,
  same,
} from './remarks.ts'

const proxy: Rule = ({ value }, { isFirst }) => {
  const bare = value.replace(/^http:\/\//i, '')
  const isSpaced = /^\S+[ \t]+[0-9]+$/.test(value)
  return [
    ...remarksOf(
      [
        bare !== value,
        better('the http:// is ignored; cntlm 0.92 does not start, 0.94 looks it up as a name'),
      ],
      [isSpaced, better('host and port with a space: cntlm 0.94 does not start')],
      [value.startsWith('['), better('cntlm 0.92 does not start with an IPv6 address')],
      [
        !isFirst,
        better(
          'serves in the very request that finds the one before it dead, also when that swallows packets (ConnectTimeout); ' +
            'the first is used again as soon as it is back, cntlm stays',
        ),
      ],
    ),
    ...(isSpaced ? [] : trailingRemarks(bare.replace(/\/$/, ''))),
    ...overflowRemarks(/:([0-9]+)$/.exec(bare)?.[1]),
  ]
}

/** Addresses of this host or of its cloud that NoProxy leads to. */
const LOCAL_HOSTS = ['127.0.0.1', 'localhost', '::1', '169.254.169.254']

const noProxy: Rule = ({ value }) => {
  const patterns = value.split(/[,;\s]+/).filter(pattern => pattern !== '')
  const those = (test: (pattern: string) => boolean): string => patterns.filter(test).join(' ')
  const hasPort = (pattern: string): boolean => /^(\[[^\]]+\]|[^:]+):[0-9]+$/.test(pattern)
  const isSuffix = (pattern: string): boolean => pattern.startsWith('.')
  const isNetwork = (pattern: string): boolean =>
    /[/-]/.test(pattern) && parseAddressRule(pattern) !== undefined && pattern !== '0/0'
  const groups: [string, (found: string) => Remark][] = [
    [
      those(isSuffix),
      found =>
        different(
          `${found} means all names that end so; cntlm compares it as it is and finds none`,
        ),
    ],
    [
      those(isNetwork),
      found => different(`${found} means the addresses in it; cntlm knows no networks`),
    ],
    [
      those(hasPort),
      found => different(`${found} means that port; cntlm compares it with the host alone`),
    ],
    [
      those(pattern => pattern === '<local>'),
      found => different(`${found} means names without a dot; cntlm compares it as it is`),
    ],
    [
      those(pattern => /[A-Z]/.test(pattern)),
      found => better(`${found} matches in any case; with cntlm the case must be the client's`),
    ],
    [
      those(leadsToThisHost),
      found =>
        different(
          `${found}: clients on other hosts and in containers do not reach this host's own services by it (403), ` +
            'unless you set DirectToLocal yes',
        ),
    ],
  ]
  return [
    ...remarksOf([
      value.includes(';'),
      different('; separates patterns; cntlm reads it as a part of one'),
    ]),
    ...groups.flatMap(([found, remark]) => (found === '' ? [] : [remark(quote(found))])),
  ]
}

function leadsToThisHost(pattern: string): boolean {
  const port = Number(/:([0-9]{1,5})$/.exec(pattern)?.[1] ?? 80)
  const rule = compileNoProxy(pattern)
  return LOCAL_HOSTS.some(host => rule.matches({ host, port }))
}

const header: Rule = ({ value }, { encoding }) => {
  if (!value.includes(':')) return [same('ignored, as there is no colon')]
  const parsed = parseHeader(value)
  if (!parsed.ok) return []
  if (parsed.value === undefined) {
    const isName = /^[!#$%&'*+.^_`|~\w-]+$/.test(value.slice(0, value.indexOf(':')).trimEnd())
    return isName
      ? [different('ignored: tsntlm writes this field itself')]
      : [same('ignored, as that is no header name')]
  }
  return remarksOf(
    [true, better('added where the client sends no such field; cntlm 0.92 only replaces one')],
    [
      encoding === 'utf-8' && hasNonAscii(value),
      different('letters beyond ASCII are sent as Latin-1; cntlm sends the bytes of the file'),
    ],
  )
}

const pac: Rule = ({ value }) =>
  /^yes$/i.test(value)
    ? [different('cntlm builds of 2020-22 took yes, and the file from PacFile; write Pac FILE')]
    : [
        different(
          'cntlm 0.92 ignores it. A proxy that the script names and no Proxy line does gets the logon only if ' +
            'PacTrust names it; SOCKS and HTTPS proxies are left out, where cntlm 0.94 goes directly',
        ),
        better(
          'a script that fails ends neither the program (as with cntlm 0.94) nor the service: the Proxy lines serve',
        ),
      ]

const ISA: Rule = () => [
  different(
    "no effect: the client gets the scanner's progress page, where cntlm waits for the file",
  ),
]

const sspi: Rule = () => [
  different('no effect, as with cntlm outside Windows: Username and Password or a hash are needed'),
]

export const UPSTREAM_RULES: Rules = {
  Proxy: allOf(proxy, cutBy([63, 63])),
  NoProxy: noProxy,
  Header: header,
  Pac: pac,
  PacFile: () => [different('known to cntlm builds of 2020-22 alone; write Pac FILE')],
  ISAScannerAgent: ISA,
  ISAScannerSize: ISA,
  SSPI: sspi,
}
