import { isIP } from 'node:net'

/** What resolv.conf(5) says, as far as it matters to a name look-up. */
export interface ResolvConf {
  /** In the order in which they are asked. */
  readonly servers: readonly string[]
  /** Domains that are appended to a name, in order. */
  readonly search: readonly string[]
  /** A name with at least so many dots is asked for as it is first. */
  readonly ndots: number
  /** How long the first question to a server waits for its answer. */
  readonly attemptMs: number
  /** False with `options no-aaaa`. */
  readonly wantsIPv6: boolean
  /** It asks for something that only the C library does. */
  readonly needsSystem: boolean
}

const MAX_SERVERS = 3
const MAX_NDOTS = 15

/** resolv.conf(5): where there is no nameserver line. */
const LOCAL_SERVER = '127.0.0.1'

/**
 * The default of resolv.conf is 5 seconds, more than a whole connection may take: a lost packet must be sent again
 * before. A shorter time of the administrator's is kept.
 */
const LONGEST_ATTEMPT_MS = 1_000

/** @param hostName of this host: its domain is searched where the file names none. */
export function parseResolvConf(text: string, hostName: string): ResolvConf {
  const servers: string[] = []
  const domain = /\.(.+)$/.exec(hostName)?.[1]
  let search = domain === undefined ? [] : [domain]
  const options: string[] = []
  for (const line of text.split(/\r?\n/)) {
    if (/^[#;]/.test(line)) continue
    const [keyword, ...values] = line.split(/[ \t]+/).filter(word => word !== '')
    // Of both the last line counts.
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
    // Node's resolver drops the zone of an address (fe80::1%eth0), and always begins with UDP.
    needsSystem:
      options.includes('use-vc') || servers.some(one => isIP(one) === 0 || one.includes('%')),
  }
}

/**
 * What to ask for, in order: a name of enough dots as it is first, another one below each search domain first. A name that ends
 * in a dot is complete.
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
