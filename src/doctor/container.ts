import { formatHostPort } from '../core/index.ts'
import { type Check, type Facts, only, type Ports, type Ran } from './check.ts'
import { NO_CONFIGURATION } from './configuration.ts'
import { type Interface, networkOf, parseAddresses } from './interface-list.ts'
import { type Judgement, ok, problem, skipped } from './finding.ts'

export const CONTAINER: Check = {
  layer: 'container',
  async run(facts, ports) {
    const { config, container, isServing, places } = facts
    if (container === undefined)
      return only(skipped('not asked for; --container NAME looks from inside of a container'))
    if (config === undefined) return only(skipped(NO_CONFIGURATION))
    if (places === undefined) return only(skipped('there is no HTTP port for containers'))
    if (isServing !== true) return only(skipped('no port of tsntlm answers on this host itself'))
    const found = await findNamespace(container, ports)
    if ('reason' in found) return only(skipped(found.reason))
    const command = ports.healthCommand(places.container)
    const ran = await ports.run('nsenter', [`--net=${found.path}`, '--', ...command])
    const judgement = judgeProbe(formatHostPort(places.container), container, ran, facts)
    if (judgement.verdict === 'skipped') return only(judgement)
    const bridge = await findBridge(found.path, facts, ports)
    return {
      judgements: [judgement],
      learned: {
        isReachedFromInside: judgement.verdict === 'ok',
        ...(bridge === undefined ? {} : { bridge }),
      },
    }
  },
}

/** Networks that a user makes have bridges of their own. */
async function findBridge(
  path: string,
  { interfaces = [] }: Facts,
  { run }: Ports,
): Promise<Interface | undefined> {
  const inside = await run('nsenter', [`--net=${path}`, '--', 'ip', '-oneline', 'addr', 'show'])
  const addresses = parseAddresses(inside?.stdout ?? '').filter(({ name }) => name !== 'lo')
  const networks = addresses.map(networkOf)
  return interfaces.find(each => each.name !== 'lo' && networks.includes(networkOf(each)))
}

type Namespace = { readonly path: string } | { readonly reason: string }

/** A process, a file, a named namespace of ip-netns(8), or a container of Docker. */
async function findNamespace(name: string, { mode, run }: Ports): Promise<Namespace> {
  const path = /^\d+$/.test(name)
    ? `/proc/${name}/ns/net`
    : name.startsWith('/')
      ? name
      : `/run/netns/${name}`
  if (mode(path) !== undefined) return { path }
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name))
    return { reason: `${name} is no process, namespace or container` }
  const inspect = await run('docker', ['inspect', '-f', '{{.State.Pid}}', name])
  if (inspect === undefined)
    return {
      reason: `no process and no network namespace is called ${name}, and there is no docker`,
    }
  const pid = inspect.stdout.trim()
  if (inspect.code !== 0 || !/^\d+$/.test(pid)) {
    const said = inspect.stderr.trim().split('\n')[0] ?? ''
    return {
      reason: `no process, network namespace or container is called ${name} (docker: ${said})`,
    }
  }
  return pid === '0'
    ? { reason: `the container ${name} is not running` }
    : { path: `/proc/${pid}/ns/net` }
}

export function judgeProbe(
  label: string,
  container: string,
  ran: Ran | undefined,
  { isRoot }: Pick<Facts, 'isRoot'>,
): Judgement {
  if (ran === undefined) return skipped('there is no nsenter (package util-linux)')
  const said = ran.stderr.trim().split('\n').at(-1) ?? ''
  if (said.startsWith('nsenter:'))
    return skipped(isRoot ? said : 'only root can look from inside of a container; use sudo')
  if (ran.code === 0 && ran.stdout.includes('denied'))
    return problem(
      `${label} answers ${container}, but Allow and Deny keep it out`,
      'add an Allow line for the network of the container above the Deny line',
    )
  if (ran.code === 0) return ok(`${label} answers from inside of ${container}`)
  const reason = said.replace(/^tsntlm health: /, '')
  const advice = reason.includes('ECONNREFUSED')
    ? `nothing listens there for containers: add "Listen ${label}" to the configuration`
    : 'packets get lost: see firewall below, and the routes of the container'
  return problem(`from inside of ${container}: ${reason}`, advice)
}
