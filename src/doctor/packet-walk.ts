import { isIPv4 } from 'node:net'
import { parseAddressRule } from '../core/index.ts'

/** The first packet of a container's connection to tsntlm, as the host's filter of incoming packets sees it. */
export interface Packet {
  /** The name of the interface. */
  readonly from: string
  readonly source: string
  readonly destination: string
  readonly port: number
}

/** Three values: some matches (sets, limits, marks) cannot be judged from outside. */
export type Match = 'yes' | 'no' | 'maybe'

export interface Rule {
  readonly match: Match
  /** Lower-case for a verdict, else the name of a chain. */
  readonly target: string
  /** As its program writes it, for the report. */
  readonly text: string
}

export interface Chain {
  readonly rules: readonly Rule[]
  /** `accept` or `drop`, of a chain that the kernel calls. */
  readonly policy?: string | undefined
}

export interface Fate {
  /** `unknown`: dropped, unless a rule that cannot be judged lets it in before. */
  readonly verdict: 'accept' | 'drop' | 'unknown'
  /** The rule or policy that decides. */
  readonly because: string
}

const MOST_JUMPS = 16

/** Follows a packet through a chain, as iptables(8) and nft(8) describe it. */
export function walk(chains: ReadonlyMap<string, Chain>, name: string): Fate {
  const state = { isDoubtful: false }
  const fate = follow(chains, name, state, 0)
  const found =
    fate ??
    ({
      verdict: chains.get(name)?.policy === 'drop' ? 'drop' : 'accept',
      because: `the policy of ${name}`,
    } as const)
  return found.verdict === 'drop' && state.isDoubtful ? { ...found, verdict: 'unknown' } : found
}

function follow(
  chains: ReadonlyMap<string, Chain>,
  name: string,
  state: { isDoubtful: boolean },
  depth: number,
): Fate | undefined {
  if (depth > MOST_JUMPS) return undefined
  for (const rule of chains.get(name)?.rules ?? []) {
    if (rule.match === 'no') continue
    if (rule.match === 'yes' && rule.target === 'return') return undefined
    const fate = fateBy(rule) ?? follow(chains, rule.target, state, depth + 1)
    if (fate !== undefined && rule.match === 'yes') return fate
    if (fate?.verdict === 'accept' || rule.target === 'return') state.isDoubtful = true
  }
  return undefined
}

function fateBy({ target, text }: Rule): Fate | undefined {
  if (target === 'accept') return { verdict: 'accept', because: text }
  return target === 'drop' || target === 'reject' ? { verdict: 'drop', because: text } : undefined
}

export function when(matches: boolean): Match {
  return matches ? 'yes' : 'no'
}

export function not(match: Match): Match {
  if (match === 'maybe') return match
  return match === 'yes' ? 'no' : 'yes'
}

export function every(matches: readonly Match[]): Match {
  if (matches.includes('no')) return 'no'
  return matches.includes('maybe') ? 'maybe' : 'yes'
}

export function inNetwork(network: string, address: string): Match {
  const rule = parseAddressRule(network)
  return rule === undefined ? 'maybe' : when(rule.matches(address))
}

/** `docker0`, or with a `+` or `*` at its end the beginning of a name. */
export function isInterface(pattern: string, name: string): Match {
  return when(/[+*]$/.test(pattern) ? name.startsWith(pattern.slice(0, -1)) : pattern === name)
}

/** Another address of the network that the address of the host is in. */
export function neighbourOf(address: string): string {
  if (!isIPv4(address)) return address
  const octets = address.split('.')
  const last = Number(octets[3])
  return [...octets.slice(0, 3), last < 254 ? last + 1 : last - 1].join('.')
}
