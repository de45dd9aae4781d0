import { join } from 'node:path'
import type { Config } from '../config/index.ts'
import { TARGETS } from '../setup/index.ts'
import { type Check, type Facts, only, type Ports } from './check.ts'
import { type Judgement, note, ok, problem } from './finding.ts'
import { hasPassword, maskProxy } from './mask.ts'

export const CREDENTIALS: Check = {
  layer: 'credentials',
  run(facts, ports) {
    const judgements = [...judgeOwnFiles(facts, ports), ...judgeOthers(facts, ports)]
    return only(
      ...(judgements.length > 0
        ? judgements
        : [ok('no file with a password that others can read, no proxy URL with a password')]),
    )
  },
}

const OTHERS_READ = 0o004

function judgeOwnFiles({ config, configFile }: Facts, { mode }: Ports): Judgement[] {
  if (config === undefined) return []
  const files = [
    ...(configFile !== undefined && holdsSecret(config) ? [configFile] : []),
    ...(config.passwordFile === undefined ? [] : [config.passwordFile]),
  ]
  return files
    .filter(file => ((mode(file) ?? 0) & OTHERS_READ) !== 0)
    .map(file =>
      problem(`everybody on this host can read the password in ${file}`, `chmod o= ${file}`),
    )
}

/** Hashes are as good as the password. */
function holdsSecret({ password, passwordFile, passNt, passLm, passNtlmV2 }: Config): boolean {
  if (password !== undefined && passwordFile === undefined) return true
  return [passNt, passLm, passNtlmV2].some(hash => hash !== undefined)
}

/** Where proxies are usually written besides the files that `tsntlm setup` writes. */
const USUAL = [
  '/etc/environment',
  '/etc/profile.d/proxy.sh',
  '/etc/systemd/system/docker.service.d/http-proxy.conf',
  '/etc/systemd/system/docker.service.d/proxy.conf',
  '/etc/systemd/system/gitlab-runner.service.d/http-proxy.conf',
  '/etc/docker/daemon.json',
  '/etc/apt/apt.conf',
  '/etc/gitlab-runner/config.toml',
]
const USUAL_AT_HOME = ['.bashrc', '.profile', '.bash_profile', '.zshrc', '.gitconfig', '.wgetrc']

function judgeOthers({ home, isRoot }: Facts, ports: Ports): Judgement[] {
  const fromFiles = pathsOf(home, isRoot).flatMap(path => {
    const [url] = proxiesWithPassword(ports.read(path) ?? '')
    if (url === undefined) return []
    const isOpen = ((ports.mode(path) ?? 0) & OTHERS_READ) !== 0
    const text = `${path} has a proxy with a password: ${maskProxy(url)}`
    const advice = 'give it the address of tsntlm instead (tsntlm setup), and change that password'
    return [
      isOpen ? problem(`${text}; everybody on this host can read it`, advice) : note(text, advice),
    ]
  })
  const fromShell = Object.entries(ports.environment)
    .filter(([name, value]) => /_proxy$/i.test(name) && hasPassword(value ?? ''))
    .map(([name, value]) =>
      note(
        `${name} of this shell has a password: ${maskProxy(value ?? '')}`,
        'every program that is started from it sees the password: eval "$(tsntlm env)"',
      ),
    )
  return [...fromFiles, ...fromShell]
}

/** Those that `tsntlm setup` would write are the ones that programs read. */
function pathsOf(home: string, isRoot: boolean): string[] {
  const anywhere = { host: 'localhost', port: 1 }
  const facts = {
    host: anywhere,
    container: anywhere,
    containerWarning: undefined,
    noProxy: [],
    home,
    isRoot,
  }
  const options = { daemonJson: false, read: () => undefined, envCommand: '' }
  const planned = TARGETS.flatMap(({ plan }) => plan(facts, options).files.map(({ path }) => path))
  return [...new Set([...planned, ...USUAL, ...USUAL_AT_HOME.map(name => join(home, name))])]
}

/** URLs with user and password in lines about proxies. */
export function proxiesWithPassword(text: string): string[] {
  return text
    .split('\n')
    .filter(line => /proxy/i.test(line) && !/^\s*(#|\/\/)/.test(line))
    .flatMap(line => [...line.matchAll(/\bhttps?:\/\/[^\s"'<>\\]+@[^\s"'<>\\/]+/gi)])
    .map(([url]) => url)
    .filter(hasPassword)
}
