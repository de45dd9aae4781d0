import { isIPv4 } from 'node:net'
import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { type Config, findConfigFile } from '../config/index.ts'
import { type HostPort, parseHostPort } from '../core/index.ts'
import { findInterfaces, meansInterface, readInterfaces } from '../net/index.ts'
import { planListening } from '../service/index.ts'
import { chooseAddresses, type Facts, isDocker0, shellQuote } from '../setup/index.ts'
import { readSettings } from './configuration.ts'
import { reportIssues } from './report-issues.ts'

export interface FactArguments {
  readonly config: string | undefined
  /** --proxy */
  readonly proxy: string | undefined
}

/** What `tsntlm setup` and `tsntlm env` know of the host; complains and gives undefined when it is not enough. */
export function gatherFacts(
  args: FactArguments,
  command: string,
  complain: (line: string) => void,
): Facts | undefined {
  const proxy = args.proxy === undefined ? undefined : parseHostPort(args.proxy)
  if (args.proxy !== undefined && proxy === undefined) {
    complain(`tsntlm ${command}: --proxy "${args.proxy}" is not HOST:PORT (no http://, no account)`)
    return undefined
  }
  const config = readConfig(args.config, proxy, command, complain)
  if (config === undefined && proxy === undefined) return undefined
  const interfaces = readInterfaces()
  const isOther = (host: string): boolean => !isDocker0(host) && meansInterface(host, interfaces)
  const addresses = chooseAddresses({
    proxy,
    listeners: planListening(config?.listeners ?? [], interfaces, isOther).places,
    docker0: findInterfaces('docker0', interfaces).addresses.find(isIPv4),
  })
  if (addresses === undefined) {
    complain(
      `tsntlm ${command}: the configuration has no Listen, so nothing here speaks HTTP; add one, or name the proxy with --proxy HOST:PORT`,
    )
    return undefined
  }
  const isRoot = process.getuid?.() === 0
  return { ...addresses, noProxy: config?.noProxy ?? [], home: homedir(), isRoot }
}

/** With --proxy the configuration is wanted for NoProxy alone: it often cannot be read, as it holds the password. */
function readConfig(
  path: string | undefined,
  proxy: HostPort | undefined,
  command: string,
  complain: (line: string) => void,
): Config | undefined {
  const file = path ?? findConfigFile()
  if (file === undefined) {
    if (proxy === undefined)
      complain(
        `tsntlm ${command}: there is neither /etc/tsntlm.conf nor /etc/cntlm.conf; name a file with --config FILE, or the proxy with --proxy HOST:PORT`,
      )
    return undefined
  }
  const { config, issues } = readSettings(file, [])
  const errors = issues.filter(({ level }) => level === 'error')
  if (config !== undefined && errors.length === 0) return config
  if (proxy === undefined) {
    reportIssues(errors, complain)
    complain(`tsntlm ${command}: without the configuration name the proxy: --proxy HOST:PORT`)
  } else {
    complain(`tsntlm ${command}: warning: ${file} cannot be used, so NoProxy of it is left out`)
  }
  return undefined
}

/** The command that prints the variables for the same proxy. */
export function commandForEnv({ config, proxy }: FactArguments): string {
  const options = [
    ...(config === undefined ? [] : ['--config', resolve(config)]),
    ...(proxy === undefined ? [] : ['--proxy', proxy]),
  ]
  return ['tsntlm env', ...options.map(shellQuote)].join(' ')
}
