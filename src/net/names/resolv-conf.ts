import { isIP } from 'node:net'

/** The parts of resolv.conf(5) that matter to name look-ups. */
export interface ResolvConf {
  /** In query order. */
  readonly servers: readonly string[]
  /** Domains to append to a name, in order. */
  readonly search: readonly string[]
  /** A name with at least this many dots is first queried as it is. */
  readonly ndots: number
  /** Timeout of the first query to a server. */
  readonly attemptMs: number
  /** False with `options no-aaaa`. */
  readonly wantsIPv6: boolean
  /** Whether the file uses something that only the C library supports. */
  readonly needsSystem: boolean
}

const MAX_SERVERS = 3
const MAX_NDOTS = 15

/** resolv.conf(5): the default without a nameserver line. */
const LOCAL_SERVER = '127.0.0.1'

/**
 * The default of resolv.conf is 5 seconds, more than a whole dial may take, so a lost packet must be sent again sooner.
 * A shorter time set by the administrator is kept.
 */
const LONGEST_ATTEMPT_MS = 1_000

/** @param hostName the name of this host: its domain is searched if the file names none. */
export function parseResolvConf(text: string, hostName: string): ResolvConf {
  const servers: string[] = []
  const domain = /\.(.+)$/.exec(hostName)?.[1]
  let search = domain === undefined ? [] : [domain]
  const options: string[] = []
  for (const line of text.split(/\r?\n/)) {
    if (/^[#;]/.test(line)) continue
    const [keyword, ...values] = line.split(/[ \t]+/).filter(word => word !== '')
    // The last of these two lines wins.
    if (keyword === 'search') search = values
    else if (keyword === 'domain') search = values.slice(0, 1)
    else if (keyword === 'options') options.push(...values)
    else if (keyword === 'nameserver' && servers.length < MAX_SERVERS)
      servers.push(...values.slice(0, 1))
  }
  const timeoutS = optionOf(options, 'timeout') ?? Infinity
  return {
    servers: servers.length > 0 ? servers : [LOCAL_SERVER],
    search: search.map(withoutRoot).filter(domain => domain !== ''),
    ndots: Math.min(optionOf(options, 'ndots') ?? 1, MAX_NDOTS),
    attemptMs: Math.min(Math.max(timeoutS, 0.1) * 1_000, LONGEST_ATTEMPT_MS),
    wantsIPv6: !options.includes('no-aaaa'),
    // Node's resolver drops the zone of an address (fe80::1%eth0), and always starts with UDP.
    needsSystem:
      options.includes('use-vc') || servers.some(one => isIP(one) === 0 || one.includes('%')),
  }
}

/**
 * Names to query, in order: a name with enough dots first as it is, any other first in the search domains. A name that
 * ends in a dot is complete.
 */
export function candidatesOf(name: string, { search, ndots }: ResolvConf): readonly string[] {
  if (name.endsWith('.')) return [withoutRoot(name)]
  const below = search.map(domain => `${name}.${domain}`)
  const dots = name.split('.').length - 1
  return dots >= ndots ? [name, ...below] : [...below, name]
}

function optionOf(options: readonly string[], key: string): number | undefined {
  const values = options.flatMap(option => {
    const [name, value = ''] = option.split(':')
    return name === key && /^\d+$/.test(value) ? Number(value) : []
  })
  return values.at(-1)
}

function withoutRoot(name: string): string {
  return name.replace(/\.$/, '')
}
