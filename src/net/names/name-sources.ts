/** What the `hosts` line of nsswitch.conf(5) leaves to files and DNS, and what to other sources. */
export interface NameSources {
  /** Whether a source other than the hosts file and DNS may answer any name. */
  readonly needsSystem: boolean
  /** Whether nss-resolve is used, which answers as its stub at 127.0.0.53 does. */
  readonly usesResolved: boolean
  /** Whether another source answers this name, given in lower case. */
  readonly isElsewhere: (name: string) => boolean
}

/** The default of the C library, and the fixed behaviour of musl. */
const DEFAULT_LINE = 'files dns'

const NO_NAME = (): boolean => false

const ALL_ELSEWHERE: NameSources = {
  needsSystem: true,
  usesResolved: false,
  isElsewhere: () => true,
}

/** Sources that answer certain names and leave all others to later sources. */
const BESIDE: Record<string, (name: string, hostName: string) => boolean> = {
  // nss-myhostname(8)
  myhostname: (name, hostName) =>
    name === hostName.toLowerCase() || name === '_gateway' || name === '_outbound',
  // nss-mymachines(8): systemd containers, by names without a dot.
  mymachines: name => !name.includes('.'),
  mdns_minimal: isLocal,
  mdns4_minimal: isLocal,
  mdns6_minimal: isLocal,
  // nss-resolve(8) also queries the local network, for names that its stub does not.
  resolve: name => isLocal(name) || !name.includes('.'),
}

/**
 * @param nsswitch the whole file; '' if there is none.
 * @param hostName the name of this host.
 */
export function parseNameSources(nsswitch: string, hostName: string): NameSources {
  const line = /^[ \t]*hosts:(.*)$/m.exec(nsswitch.replaceAll(/#.*/g, ''))?.[1] ?? DEFAULT_LINE
  const words =
    line
      .trim()
      .toLowerCase()
      .match(/\[[^\]]*\]|[^\s[]+/g) ?? []
  const sources = words.filter(word => !word.startsWith('['))
  const usesResolved = sources.includes('resolve')
  const known = sources.every(source => source === 'files' || source === 'dns' || source in BESIDE)
  const files = sources.indexOf('files')
  const dns = sources.indexOf('dns')
  // systemd-resolved reads the hosts file itself, so the position of `files` does not matter.
  const isInOrder = usesResolved || (files >= 0 && files < dns)
  if (!known || !isInOrder || !words.every(isUsualAction)) return ALL_ELSEWHERE
  const beside = sources.map(source => BESIDE[source] ?? NO_NAME)
  return {
    needsSystem: false,
    usesResolved,
    isElsewhere: name => beside.some(answers => answers(name, hostName)),
  }
}

/** Actions that change nothing for names that the preceding source does not answer. */
function isUsualAction(word: string, at: number, words: readonly string[]): boolean {
  if (!word.startsWith('[')) return true
  const before = words[at - 1] ?? ''
  if (/^\[ *success *= *return *\]$/.test(word)) return true
  if (/^mdns[46]?_minimal$/.test(before)) return /^\[ *notfound *= *return *\]$/.test(word)
  return before === 'resolve' && /^\[ *! *unavail *= *return *\]$/.test(word)
}

function isLocal(name: string): boolean {
  return name.endsWith('.local')
}
