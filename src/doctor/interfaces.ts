import { isIP } from 'node:net'
import { formatHostPort, type HostPort } from '../core/index.ts'
import { chooseAddresses } from '../setup/index.ts'
import { type Check, type Facts, only, type Outcome } from './check.ts'
import { NO_CONFIGURATION } from './configuration.ts'
import { type Judgement, note, ok, problem, skipped } from './finding.ts'
import { type Interface, type Link, parseAddresses, parseLink } from './interface-list.ts'

export const INTERFACES: Check = {
  layer: 'interface',
  async run({ config }, { run }) {
    if (config === undefined) return only(skipped(NO_CONFIGURATION))
    const addresses = await run('ip', ['-oneline', 'addr', 'show'])
    const links = await run('ip', ['-oneline', 'link', 'show'])
    if (addresses?.code !== 0 || links?.code !== 0)
      return only(skipped('the program ip does not say which interfaces there are'))
    return judgeInterfaces(config.listeners, parseAddresses(addresses.stdout), name =>
      parseLink(links.stdout, name),
    )
  },
}

/** Whether the addresses of the ports are there, and whether containers have one to come to. */
export function judgeInterfaces(
  listeners: NonNullable<Facts['config']>['listeners'],
  interfaces: readonly Interface[],
  linkOf: (name: string) => Link | undefined,
): Outcome {
  const docker0 = interfaces.find(
    ({ name, address }) => name === 'docker0' && address.includes('.'),
  )
  const places = chooseAddresses({ proxy: undefined, listeners, docker0: docker0?.address })
  const judgements = listeners.flatMap(at => judgeAddress(at, interfaces, linkOf))
  if (docker0 !== undefined && places?.containerWarning !== undefined)
    judgements.push(note(places.containerWarning))
  const bridge = interfaces.find(({ address }) => address === places?.container.host) ?? docker0
  return {
    judgements:
      judgements.length > 0 ? judgements : [ok('no port is bound to one interface alone')],
    learned: {
      interfaces,
      absent: listeners.filter(({ host }) => isAbsent(host, interfaces)).map(({ host }) => host),
      ...(places === undefined ? {} : { places }),
      ...(bridge === undefined ? {} : { bridge }),
    },
  }
}

/** Every address of 127.0.0.0/8 is there without being listed; names are looked up when the port is opened. */
function isAbsent(host: string, interfaces: readonly Interface[]): boolean {
  if (isIP(host) === 0 || isEverywhere(host) || host.startsWith('127.')) return false
  return !interfaces.some(({ address }) => address === host)
}

function isEverywhere(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

function judgeAddress(
  at: HostPort,
  interfaces: readonly Interface[],
  linkOf: (name: string) => Link | undefined,
): Judgement[] {
  const { host } = at
  if (isAbsent(host, interfaces)) {
    return [
      problem(
        `no interface has ${host}, so nothing can listen on ${formatHostPort(at)}`,
        'start what brings the address (Docker for docker0), or change Listen to one of: ip -oneline addr show',
      ),
    ]
  }
  const found = interfaces.find(({ address }) => address === host)
  if (found === undefined) return []
  const link = linkOf(found.name)
  if (link?.isUp === false)
    return [problem(`${found.name} with ${host} is down`, `ip link set ${found.name} up`)]
  const carrier = link?.hasCarrier === false ? ', which has no carrier until a container runs' : ''
  return [ok(`${host} is the address of ${found.name}${carrier}`)]
}
