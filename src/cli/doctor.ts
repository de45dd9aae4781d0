import { homedir } from 'node:os'
import {
  CHECKS,
  countVerdicts,
  describeFinding,
  diagnose,
  type Facts,
  isBroken,
  summarize,
} from '../doctor/index.ts'
import { type AbsoluteForm, parseAbsoluteForm } from '../http1/index.ts'
import { readWithClientNames } from './configuration.ts'
import { systemPorts } from './doctor-ports.ts'
import { FAILED, OK } from './exit-code.ts'
import { withPresentListeners } from './present-listeners.ts'

export interface DoctorArguments {
  readonly config: string | undefined
  readonly container: string | undefined
  readonly url: string | undefined
  readonly logon: boolean
  readonly json: boolean
}

/** `tsntlm doctor`: looks at everything between a container and the web, changes nothing. @returns 1 when something is broken. */
export async function doctorCommand(
  args: DoctorArguments,
  print: (line: string) => void,
  complain: (line: string) => void,
): Promise<number> {
  const url = args.url === undefined ? undefined : readUrl(args.url)
  if (args.url !== undefined && url === undefined) {
    complain('tsntlm doctor: --url needs a URL like https://www.example.com/, without an account')
    return FAILED
  }
  const { file, input, issues } = await readWithClientNames(args.config, [])
  const facts: Facts = {
    config: input === undefined ? undefined : withPresentListeners(input.config, complain),
    configFile: file,
    issues,
    container: args.container,
    url,
    mayLogOn: args.logon,
    isRoot: process.getuid?.() === 0,
    home: homedir(),
  }
  const findings = await diagnose(CHECKS, facts, systemPorts(input, complain), finding => {
    if (!args.json) describeFinding(finding).forEach(print)
  })
  print(
    args.json
      ? JSON.stringify({ findings, summary: countVerdicts(findings) }, undefined, 2)
      : summarize(findings),
  )
  return isBroken(findings) ? FAILED : OK
}

/** A URL with user information is refused, so none can be shown. */
function readUrl(text: string): AbsoluteForm | undefined {
  const url = parseAbsoluteForm(text)
  return url !== undefined && ['http', 'https'].includes(url.scheme) ? url : undefined
}
