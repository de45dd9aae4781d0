import type { Config, Dialect, Directive } from '../config/index.ts'
import { formatHostPort, isProxyError, systemClock, systemEntropy } from '../core/index.ts'
import { parseAbsoluteForm, type RequestHead, setHeader } from '../http1/index.ts'
import { KEEP_ALIVE } from '../upstream/index.ts'
import { readSettings } from './configuration.ts'
import { detectDialect } from './dialect-detection.ts'
import { FAILED } from './exit-code.ts'
import { openGuardStore } from './guard-file.ts'
import { reportIssues } from './report-issues.ts'
import { readIdentity } from './run.ts'

export interface DetectArguments {
  /** The name in messages. */
  readonly program: string
  readonly url: string
  readonly config: string | undefined
  readonly overrides: readonly Directive[]
  /** Whether the dialect was given on the command line: then only that one is tried. */
  readonly isDialectGiven: boolean
  readonly runAs: string | undefined
}

/**
 * cntlm's `-M`: finds out what the upstreams accept. Sends at most one logon.
 * @returns 0 when there is an answer, whatever it says, as with cntlm; 1 when nothing could be found out.
 */
export async function detectCommand(
  args: DetectArguments,
  print: (line: string) => void,
  complain: (line: string) => void,
): Promise<number> {
  const { program, url, isDialectGiven } = args
  const { config, configChangedAtMs, issues, secretOrigin } = readSettings(
    args.config,
    args.overrides,
    {
      purpose: 'logon',
    },
  )
  reportIssues(issues, complain)
  if (config === undefined) return FAILED
  try {
    const request = requestFor(url, config)
    if (request === undefined) {
      complain(`${program}: --detect needs a URL like http://www.example.com/, got "${url}"`)
      return FAILED
    }
    const guardStore = openGuardStore(config, readIdentity(args.runAs, complain), complain)
    const command = (dialect: Dialect): string => `${program} -a ${dialect} -M ${url}`
    const ports = { clock: systemClock, entropy: systemEntropy, guardStore }
    const detection = { config, configChangedAtMs, secretOrigin, request, isDialectGiven, command }
    return await detectDialect(detection, ports, print, complain)
  } catch (error) {
    if (!isProxyError(error)) throw error
    complain(`${program}: ${error.detail ?? error.message}`)
    return FAILED
  }
}

/** GET, or for https CONNECT: what clients would send to an upstream. */
function requestFor(url: string, { headers }: Config): RequestHead | undefined {
  const parsed = parseAbsoluteForm(url)
  if (parsed === undefined || !['http', 'https'].includes(parsed.scheme)) return undefined
  const authority = formatHostPort(parsed.authority)
  const [method, target, host] =
    parsed.scheme === 'https' ? ['CONNECT', authority, authority] : ['GET', url, parsed.hostField]
  const own = ['Host', host, 'User-Agent', 'tsntlm detect', ...KEEP_ALIVE]
  const all = headers.reduce((list, { name, value }) => setHeader(list, name, value), own)
  return { method, target, headers: all }
}
