import {
  type Chain,
  every,
  type Fate,
  inNetwork,
  isInterface,
  type Match,
  not,
  type Packet,
  type Rule,
  walk,
  when,
} from './packet-walk.ts'

/** A base chain that drops, and where it is. */
export interface NftFate extends Fate {
  readonly family: string
  readonly table: string
  readonly chain: string
}

/** An object of `nft -j list ruleset`, libnftables-json(5). */
type Json = Readonly<Record<string, unknown>>

/**
 * What becomes of a packet that comes in. Each base chain is asked; an accept in one is no accept in the next, so the first drop counts.
 * @param isForeign tables that another program speaks for.
 * @returns undefined when the output is not JSON of nft.
 */
export function judgeNftables(
  output: string,
  packet: Packet,
  isForeign: (family: string, table: string) => boolean,
): NftFate | undefined {
  const items = readItems(output)
  if (items === undefined) return undefined
  const chains = items.flatMap(item => (isObject(item['chain']) ? [item['chain']] : []))
  const rules = items.flatMap(item => (isObject(item['rule']) ? [item['rule']] : []))
  const fates = chains
    .filter(({ hook, type }) => hook === 'input' && type === 'filter')
    .filter(({ family }) => family === 'ip' || family === 'inet')
    .map(base => ({ family: text(base['family']), table: text(base['table']), base }))
    .filter(({ family, table }) => !isForeign(family, table))
    .map(({ family, table, base }) => {
      const isHere = (item: Json): boolean => item['family'] === family && item['table'] === table
      const chain = text(base['name'])
      const map = chainsOf(chains.filter(isHere), rules.filter(isHere), packet)
      const fate = walk(map, chain)
      return {
        ...fate,
        because: `${family} ${table} ${chain}: ${fate.because}`,
        family,
        table,
        chain,
      }
    })
  return (
    fates.find(({ verdict }) => verdict === 'drop') ??
    fates.find(({ verdict }) => verdict === 'unknown') ??
    fates[0] ?? { verdict: 'accept', because: 'no chain', family: '', table: '', chain: '' }
  )
}

/** The one rule that lets containers in. */
export function nftRule(
  { family, table, chain }: NftFate,
  packet: Packet,
  network: string,
): string {
  return `nft insert rule ${family} ${table} ${chain} iifname "${packet.from}" ip saddr ${network} tcp dport ${packet.port} accept`
}

function readItems(output: string): Json[] | undefined {
  try {
    const parsed: unknown = JSON.parse(output)
    if (!isObject(parsed) || !Array.isArray(parsed['nftables'])) return undefined
    return parsed['nftables'].filter(isObject)
  } catch {
    return undefined
  }
}

function chainsOf(
  chains: readonly Json[],
  rules: readonly Json[],
  packet: Packet,
): Map<string, Chain> {
  return new Map(
    chains.map(({ name, policy }) => [
      text(name),
      {
        policy: typeof policy === 'string' ? policy : undefined,
        rules: rules.filter(rule => rule['chain'] === name).map(rule => readRule(rule, packet)),
      },
    ]),
  )
}

const VERDICTS = ['accept', 'drop', 'reject', 'return']
/** Statements that neither match nor end anything. */
const NEUTRAL = ['counter', 'log', 'comment']

function readRule({ expr }: Json, packet: Packet): Rule {
  const matches: Match[] = []
  let target = ''
  for (const statement of Array.isArray(expr) ? expr.filter(isObject) : []) {
    const [word = ''] = Object.keys(statement)
    const value = statement[word]
    if (VERDICTS.includes(word)) target = word
    else if ((word === 'jump' || word === 'goto') && isObject(value)) target = text(value['target'])
    else if (word === 'match' && isObject(value)) matches.push(readMatch(value, packet))
    else if (!NEUTRAL.includes(word)) matches.push('maybe')
  }
  return { match: every(matches), target, text: target === '' ? 'a rule' : `a rule with ${target}` }
}

function readMatch({ op, left, right }: Json, packet: Packet): Match {
  if (!isObject(left) || !['==', '!=', 'in'].includes(text(op))) return 'maybe'
  const match = matchField(left, valuesOf(right), packet)
  return op === '!=' ? not(match) : match
}

function matchField(left: Json, values: readonly unknown[], packet: Packet): Match {
  switch (fieldOf(left)) {
    case 'meta iifname':
    case 'meta iif':
      return any(values, value => isInterface(text(value), packet.from))
    case 'meta l4proto':
    case 'ip protocol':
      return any(values, value => when(value === 'tcp' || value === 6))
    case 'meta nfproto':
      return any(values, value => when(value === 'ipv4'))
    case 'ip saddr':
      return any(values, value => inNetwork(addressText(value), packet.source))
    case 'ip daddr':
      return any(values, value => inNetwork(addressText(value), packet.destination))
    case 'tcp dport':
    case 'th dport':
      return any(values, value => matchPort(value, packet.port))
    case 'ct state':
      return any(values, value => when(value === 'new'))
    default:
      return otherProtocol(left)
  }
}

/** A field of another protocol's header is not in this packet. */
function otherProtocol(left: Json): Match {
  const { payload } = left
  const isOther =
    isObject(payload) &&
    ['udp', 'icmp', 'icmpv6', 'ip6', 'sctp'].includes(text(payload['protocol']))
  return isOther ? 'no' : 'maybe'
}

function fieldOf({ meta, payload, ct }: Json): string {
  if (isObject(meta)) return `meta ${text(meta['key'])}`
  if (isObject(payload)) return `${text(payload['protocol'])} ${text(payload['field'])}`
  return isObject(ct) ? `ct ${text(ct['key'])}` : ''
}

function valuesOf(right: unknown): unknown[] {
  if (Array.isArray(right)) return right
  if (isObject(right) && Array.isArray(right['set'])) return right['set']
  return [right]
}

function any(values: readonly unknown[], judge: (value: unknown) => Match): Match {
  // A named set: what is in it stands elsewhere.
  if (values.some(value => text(value).startsWith('@'))) return 'maybe'
  const found = values.map(judge)
  if (found.includes('yes')) return 'yes'
  return found.includes('maybe') ? 'maybe' : 'no'
}

function addressText(value: unknown): string {
  if (!isObject(value)) return text(value)
  const { prefix, range } = value
  if (isObject(prefix)) return `${text(prefix['addr'])}/${text(prefix['len'])}`
  return Array.isArray(range) ? range.map(text).join('-') : ''
}

function matchPort(value: unknown, port: number): Match {
  if (typeof value === 'number') return when(value === port)
  if (!isObject(value) || !Array.isArray(value['range'])) return 'maybe'
  const [first, last] = value['range'].map(Number)
  return when(port >= (first ?? 0) && port <= (last ?? 0))
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
