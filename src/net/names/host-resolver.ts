import { hostname, networkInterfaces } from 'node:os'
import { isIPv6 } from 'node:net'
import type { Clock } from '../../core/index.ts'
import { searchDns } from './dns-search.ts'
import { type AskServer, askServer } from './dns-server.ts'
import type { ResolveName } from './look-ups.ts'
import { NAME_FILES, NameFiles } from './name-files.ts'
import { systemLookUp } from './system-look-up.ts'

export interface HostResolverOptions {
  readonly clock: Clock
  /** Default: the files of this host. */
  readonly files?: Pick<NameFiles, 'hosts' | 'resolvConf' | 'sources'>
  readonly ask?: AskServer
  /** For names that neither the hosts file nor DNS answers. */
  readonly system?: ResolveName
  /** Whether files describe name resolution on this host; otherwise only the system knows. */
  readonly hasNameFiles?: boolean
  readonly hasGlobalIPv6?: () => boolean
}

/**
 * Labels of letters, digits, hyphens and underscores. The last one must not be a number, which would make an address
 * (127.1, see inet_aton(3)). Other names are left to the C library.
 */
const PLAIN_NAME =
  /^(?:[a-z0-9_][a-z0-9_-]{0,62}\.)*(?=[a-z0-9_-]*[a-z_-])(?!0x[0-9a-f]*\.?$)[a-z0-9_][a-z0-9_-]{0,62}\.?$/

/** RFC 6761 section 6.3. */
const LOOPBACK = ['127.0.0.1', '::1']

/**
 * Resolves names as this host does: by the hosts file and DNS, with its own sockets, where nsswitch.conf names no other
 * source for the name; otherwise by the C library in a thread.
 */
export function hostResolver(options: HostResolverOptions): ResolveName {
  const {
    clock,
    ask = askServer,
    system = systemLookUp(),
    hasGlobalIPv6 = hasGlobalAddress,
  } = options
  const { hasNameFiles = process.platform === 'linux' } = options
  const files = options.files ?? new NameFiles(NAME_FILES, hostname())
  return async (name, use, signal) => {
    const key = name.toLowerCase()
    if (!hasNameFiles || !PLAIN_NAME.test(key) || isSystemMatter(key, files))
      return system(name, use, signal)
    const absolute = key.replace(/\.$/, '')
    const known = files.hosts.get(absolute) ?? (isLocalhost(absolute) ? LOOPBACK : undefined)
    if (known !== undefined) return known
    // RFC 6761 section 6.4: such names never resolve, so no server is queried.
    if (absolute.endsWith('.invalid')) return []
    const found = await searchDns(key, { clock, ask, conf: files.resolvConf, signal })
    return preferred(found, hasGlobalIPv6())
  }
}

function isSystemMatter(
  key: string,
  { sources, resolvConf }: Pick<NameFiles, 'resolvConf' | 'sources'>,
): boolean {
  if (sources.needsSystem || resolvConf.needsSystem || sources.isElsewhere(key)) return true
  return sources.usesResolved && !resolvConf.servers.every(server => STUBS.has(server))
}

/** systemd-resolved(8) gives the same answers here as nss-resolve. */
const STUBS = new Set(['127.0.0.53', '127.0.0.54'])

function isLocalhost(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost')
}

/** RFC 8305 section 4 starts with IPv6, RFC 6724 section 6 (rule 1) with what is reachable. */
function preferred(addresses: readonly string[], hasIPv6: boolean): readonly string[] {
  const [six, four] = [true, false].map(is6 => addresses.filter(one => isIPv6(one) === is6))
  const [first = [], second = []] = hasIPv6 ? [six, four] : [four, six]
  return [...first, ...second]
}

function hasGlobalAddress(): boolean {
  const all = Object.values(networkInterfaces()).flatMap(each => each ?? [])
  return all.some(
    ({ family, internal, scopeid }) => family === 'IPv6' && !internal && scopeid === 0,
  )
}
