import { findConfigFile, readDirectives } from '../config/index.ts'
import { isProxyError, Secret } from '../core/index.ts'
import { lmowfv1, ntowfv1, parseAccount, passNtlmV2 } from '../ntlm/index.ts'
import { FAILED, OK } from './exit-code.ts'
import { type Hashes, hashLines, type HashNames } from './hash-lines.ts'
import { readPassword } from './prompt.ts'

export interface HashArguments {
  readonly config: string | undefined
  readonly user: string | undefined
  readonly domain: string | undefined
  /** cntlm's way: when none is entered `password` counts, or else that of the configuration. */
  readonly keepsPassword: boolean
  readonly password: Secret<string> | undefined
}

/** `tsntlm hash`: prints the lines that stand for a password in the configuration, in the encoding of cntlm 0.94. */
export async function hashCommand(
  args: HashArguments,
  print: (line: string) => void,
  complain: (line: string) => void,
): Promise<number> {
  const names = readNames(args, complain)
  if (names === undefined) return FAILED
  const entered = await readPassword(
    `Password of ${names.domain === '' ? names.user : `${names.domain}\\${names.user}`}: `,
  )
  const password = entered ?? (args.keepsPassword ? knownPassword(args) : undefined)
  if (password === undefined) {
    complain('tsntlm hash: no password was given')
    return FAILED
  }
  try {
    for (const line of hashLines(names, hashPassword(names, password))) print(line)
    return OK
  } catch (error) {
    complain(
      `tsntlm hash: ${isProxyError(error) ? (error.detail ?? error.message) : String(error)}`,
    )
    return FAILED
  }
}

function readNames(args: HashArguments, complain: (line: string) => void): HashNames | undefined {
  try {
    const names = accountNames(args)
    if (names === undefined)
      complain(
        'tsntlm hash: give --user and --domain, or --config FILE that has Username and Domain',
      )
    return names
  } catch (error) {
    complain(
      `tsntlm hash: ${isProxyError(error) ? (error.detail ?? error.message) : String(error)}`,
    )
    return undefined
  }
}

function knownPassword({ config, password }: HashArguments): Secret<string> | undefined {
  if (password !== undefined) return password
  const text = openConfig(config)?.('password')
  return text === undefined ? undefined : new Secret(text)
}

function accountNames(args: HashArguments): HashNames | undefined {
  const { config, user, domain, keepsPassword } = args
  const find = user === undefined || keepsPassword ? openConfig(config) : undefined
  if (user !== undefined) {
    return parseAccount({ username: user, domain: domain ?? find?.('domain') ?? '' })
  }
  if (find === undefined) return undefined
  const username = find('username')
  return username === undefined
    ? undefined
    : parseAccount({ username, domain: domain ?? find('domain') ?? '' })
}

/** Read line by line: a configuration that lacks the password yet is why somebody comes here. */
function openConfig(path: string | undefined): ((name: string) => string | undefined) | undefined {
  const file = path ?? findConfigFile()
  if (file === undefined) return undefined
  const directives = readDirectives(file)
  return name => directives.find(directive => directive.name.toLowerCase() === name)?.value
}

/** A password that has no LM hash (longer than 14 characters, or letters beyond ASCII) gets no PassLM line. */
function hashPassword({ user, domain }: HashNames, password: Secret<string>): Hashes {
  const text = password.reveal()
  const nt = ntowfv1(text)
  return { lm: lmowfv1(text), nt, ntlmV2: passNtlmV2(nt, user, domain) }
}
