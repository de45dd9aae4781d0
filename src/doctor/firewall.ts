import { type Check, type Facts, only, type Ports } from './check.ts'
import { NO_CONFIGURATION } from './configuration.ts'
import { type Judgement, note, ok, problem, skipped } from './finding.ts'
import { judgeZone, zoneRule } from './firewalld.ts'
import { networkOf } from './interface-list.ts'
import { iptablesRule, judgeIptables } from './iptables.ts'
import { judgeNftables, nftRule } from './nftables.ts'
import { type Fate, neighbourOf, type Packet } from './packet-walk.ts'

export const FIREWALL: Check = {
  layer: 'firewall',
  async run(facts, { run }) {
    const { bridge, config, isReachedFromInside, places } = facts
    if (config === undefined) return only(skipped(NO_CONFIGURATION))
    if (places === undefined || bridge === undefined)
      return only(skipped('there is no docker0, and no other interface for containers'))
    if (isReachedFromInside === true) return only(ok('packets of the container come through'))
    const packet: Packet = {
      from: bridge.name,
      source: neighbourOf(bridge.address),
      destination: places.container.host,
      port: places.container.port,
    }
    return only(judgeFilters(await askFilters(packet, networkOf(bridge), run), packet, facts))
  },
}

/** What one filter does with the packet, and the rule that would change it. */
export interface FilterAnswer extends Fate {
  readonly program: string
  readonly advice: string
}

/** ufw and firewalld write rules for the other two, so theirs is the place for one more. */
async function askFilters(
  packet: Packet,
  network: string,
  run: Ports['run'],
): Promise<FilterAnswer[]> {
  const zone = await askZone(packet.from, run)
  if (zone !== undefined) {
    const listed = await run('firewall-cmd', [`--zone=${zone}`, '--list-all'])
    const fate = judgeZone(listed?.stdout ?? '', zone, packet)
    return [{ ...fate, program: 'firewalld', advice: zoneRule(zone, network, packet) }]
  }
  const ufw = await run('ufw', ['status', 'verbose'])
  const isUfwActive = /^Status: active$/m.test(ufw?.stdout ?? '')
  const advise = (rule: string): string => (isUfwActive ? ufwRule(packet, network) : rule)
  const iptables = await run('iptables', ['-S'])
  const hasIptables = iptables?.code === 0
  const answers: FilterAnswer[] = []
  if (hasIptables) {
    const fate = judgeIptables(iptables.stdout, packet)
    const advice = advise(iptablesRule(packet, network))
    answers.push({ ...fate, program: isUfwActive ? 'ufw (iptables)' : 'iptables', advice })
  }
  const nft = await run('nft', ['-j', 'list', 'ruleset'])
  // iptables keeps its rules in tables of nftables, and writes them better.
  const isForeign = (family: string, table: string): boolean =>
    hasIptables && family === 'ip' && table === 'filter'
  const fate = nft?.code === 0 ? judgeNftables(nft.stdout, packet, isForeign) : undefined
  if (fate !== undefined)
    answers.push({ ...fate, program: 'nft', advice: advise(nftRule(fate, packet, network)) })
  return answers
}

async function askZone(name: string, run: Ports['run']): Promise<string | undefined> {
  const state = await run('firewall-cmd', ['--state'])
  if (state?.stdout.trim() !== 'running') return undefined
  const own = await run('firewall-cmd', [`--get-zone-of-interface=${name}`])
  if (own?.code === 0) return own.stdout.trim()
  return (await run('firewall-cmd', ['--get-default-zone']))?.stdout.trim()
}

function ufwRule({ from, port }: Packet, network: string): string {
  return `ufw allow in on ${from} from ${network} to any port ${port} proto tcp`
}

export function judgeFilters(
  answers: readonly FilterAnswer[],
  { from, port }: Packet,
  { isRoot, isReachedFromInside }: Pick<Facts, 'isRoot' | 'isReachedFromInside'>,
): Judgement {
  const what = `packets from ${from} to port ${port}`
  if (answers.length === 0) {
    return skipped(
      isRoot
        ? 'neither nft, iptables, ufw nor firewalld is there to be asked'
        : 'only root can read the rules of the firewall; use sudo',
    )
  }
  const dropping = answers.find(({ verdict }) => verdict === 'drop')
  if (dropping !== undefined) {
    const { advice, because, program } = dropping
    return problem(`${program} drops ${what}: ${because}`, advice)
  }
  const doubtful = answers.find(({ verdict }) => verdict === 'unknown')
  if (doubtful !== undefined) {
    const { advice, because, program } = doubtful
    const text = `${program} may drop ${what}: ${because}`
    return isReachedFromInside === false
      ? problem(text, advice)
      : note(text, `if containers do not get through: ${advice}`)
  }
  return ok(`${what} are let in by ${answers.map(({ program }) => program).join(' and ')}`)
}
