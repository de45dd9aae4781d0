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

/** What `iptables -S` prints, and what becomes of a packet that comes in. */
export function judgeIptables(output: string, packet: Packet): Fate {
  const chains = new Map<string, { rules: Rule[]; policy?: string }>()
  for (const line of output.split('\n')) {
    const [command, name = '', ...words] = wordsOf(line)
    if (command === '-P') chains.set(name, { rules: [], policy: (words[0] ?? '').toLowerCase() })
    if (command === '-N') chains.set(name, { rules: [] })
    if (command === '-A') chains.get(name)?.rules.push(readRule(line, words, packet))
  }
  return walk(chains satisfies ReadonlyMap<string, Chain>, 'INPUT')
}

/** The one rule that lets containers in. */
export function iptablesRule(packet: Packet, network: string): string {
  return `iptables -I INPUT -i ${packet.from} -s ${network} -p tcp --dport ${packet.port} -j ACCEPT`
}

function wordsOf(line: string): string[] {
  return [...line.matchAll(/"(?:\\.|[^"])*"|\S+/g)].map(([word]) => word)
}

const VERDICTS = ['ACCEPT', 'DROP', 'REJECT', 'RETURN']

function readRule(text: string, words: readonly string[], packet: Packet): Rule {
  const matches: Match[] = []
  let target = ''
  let isNegated = false
  for (let i = 0; i < words.length; i++) {
    const [word = '', value = ''] = [words[i], words[i + 1]]
    if (word === '!') {
      isNegated = true
      continue
    }
    if (!word.startsWith('-')) continue
    if (word === '-j' || word === '-g')
      target = VERDICTS.includes(value) ? value.toLowerCase() : value
    // What follows the target are options of the target.
    if (target !== '') break
    const match = matchOption(word, value, packet)
    if (match !== undefined) matches.push(isNegated ? not(match) : match)
    isNegated = false
  }
  return { match: every(matches), target, text }
}

/** undefined for what narrows nothing down. */
function matchOption(option: string, value: string, packet: Packet): Match | undefined {
  switch (option) {
    case '-m':
    case '--comment':
      return undefined
    case '-s':
      return inNetwork(value, packet.source)
    case '-d':
      return inNetwork(value, packet.destination)
    case '-i':
      return isInterface(value, packet.from)
    case '-p':
      return when(['tcp', 'all', '6'].includes(value))
    case '--dport':
    case '--dports':
      return matchPorts(value, packet.port)
    case '--ctstate':
    case '--state':
      return when(value.split(',').includes('NEW'))
    case '--dst-type':
      return when(value === 'LOCAL')
    default:
      return 'maybe'
  }
}

function matchPorts(value: string, port: number): Match {
  return when(
    value.split(',').some(part => {
      const [first = '', last = first] = part.split(':')
      return port >= Number(first || 0) && port <= Number(last || 65_535)
    }),
  )
}
