import type { Config } from '../config/index.ts'
import { isProxyError } from '../core/index.ts'
import { credentialsFromHashes, type HashCredentials, parseAccount } from '../ntlm/index.ts'
import {
  allOf,
  better,
  cutBy,
  different,
  latin1Hashed,
  type Remark,
  remarksOf,
  type Rule,
  type Rules,
  same,
} from './remarks.ts'

const NAME_BYTES = [49, 63] as const
const PASSWORD_BYTES = [49, 256] as const

const username: Rule = ({ value }) =>
  remarksOf(
    [
      value.includes('\\'),
      better('the domain stands before the backslash; cntlm sends the whole as the name'),
    ],
    [value.includes('@'), same('a name with @ is sent whole, as it is')],
  )

const AS_WRITTEN = different(
  'sent as it is written; cntlm sends it in capitals. Windows does not mind the case',
)

/** PassNTLMv2 was made with the domain in capitals, which is sent so too. */
const domain: Rule = ({ value }, { config }) => {
  const isUpper = config?.password === undefined && config?.passNtlmV2 !== undefined
  return remarksOf([!isUpper && /[a-z]/.test(value), AS_WRITTEN])
}

const workstation: Rule = ({ value }) => remarksOf([/[a-z]/.test(value), AS_WRITTEN])

const password: Rule = ({ value }) =>
  remarksOf([
    value === '',
    different('an empty password is none; cntlm reads the quotation mark as a part of it'),
  ])

/** The hash that the dialect is answered with. */
function usedHash({ dialect, passNtlmV2 }: Config): string {
  if (dialect === 'LM') return 'PassLM'
  return dialect === 'NTLMv2' && passNtlmV2 !== undefined ? 'PassNTLMv2' : 'PassNT'
}

function hashRule(name: string): Rule {
  return (_, { config, isFirst }) => {
    if (config === undefined || config.password !== undefined || !isFirst) return []
    if (usedHash(config) !== name) return []
    const isDerived = config.dialect === 'NTLMv2' && name === 'PassNT'
    return [
      ...remarksOf([
        isDerived,
        better('enough for Auth NTLMv2; cntlm cannot make the NTLMv2 hash from it'),
      ]),
      ...encodingRemarks(config),
    ]
  }
}

function encodingRemarks(config: Config): Remark[] {
  if (config.passEncoding !== 'auto') {
    return [different(`the hash is ${config.passEncoding}: PassEncoding says so, cntlm ignores it`)]
  }
  const read = readHashes(config)
  if (read === undefined) return []
  if (read.alternative !== undefined) {
    return [
      different(
        'the file does not tell whether its hashes are inverted, as cntlm 0.92 writes them, or plain, as 0.94 does: ' +
          'the first reading is sent to the proxy, and the second one once if that is rejected. ' +
          'To spare the account the failed logon add PassEncoding inverted where cntlm 0.92 works with this file, ' +
          'PassEncoding plain where 0.94 does',
      ),
    ]
  }
  const [writer, other] = read.encodingUsed === 'inverted' ? ['0.92', '0.94'] : ['0.94', '0.92']
  return [
    better(
      `the hashes are ${read.encodingUsed}, as cntlm ${writer} writes them, which they tell by themselves; cntlm ${other} fails with them`,
    ),
  ]
}

/** undefined if `check` reports an error for them. */
function readHashes(config: Config): HashCredentials | undefined {
  const { dialect, passLm, passNt, passNtlmV2 } = config
  try {
    const { user, domain } = parseAccount(config)
    return credentialsFromHashes({
      ...{ user, domain, workstation: '', dialect, passLm, passNt, passNtlmV2 },
      encoding: 'auto',
    })
  } catch (error) {
    if (isProxyError(error)) return undefined
    throw error
  }
}

const auth: Rule = ({ value }) => {
  const dialect = value.toUpperCase()
  return remarksOf(
    [dialect === 'NT', better('cntlm has never been able to log on with it: it sends zeros')],
    [
      ['NTLM', 'LM'].includes(dialect),
      same('weak: whoever records a logon finds the password. Try NTLMv2, the default'),
    ],
    [
      dialect === 'NTLM2SR',
      different(
        'weak, and refused when the proxy does not offer it; cntlm sends it anyway. Try NTLMv2, the default',
      ),
    ],
    [
      dialect === 'GSS',
      different('Kerberos is not there: give Username and Password and leave Auth out'),
    ],
  )
}

const flags: Rule = () => [
  different(
    'the bytes stand in wire order, as with cntlm; but what is not in them is not agreed to in the last message either, ' +
      'where cntlm repeats what the proxy said',
  ),
]

export const ACCOUNT_RULES: Rules = {
  Username: allOf(username, cutBy(NAME_BYTES), latin1Hashed),
  Domain: allOf(domain, cutBy(NAME_BYTES), latin1Hashed),
  Workstation: allOf(workstation, cutBy(NAME_BYTES)),
  Password: allOf(password, cutBy(PASSWORD_BYTES), latin1Hashed),
  PassNTLMv2: hashRule('PassNTLMv2'),
  PassNT: hashRule('PassNT'),
  PassLM: hashRule('PassLM'),
  Auth: auth,
  Flags: flags,
}
