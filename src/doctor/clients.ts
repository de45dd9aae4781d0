import { join } from 'node:path'
import { type Check, only, type Ports } from './check.ts'
import { NO_CONFIGURATION } from './configuration.ts'
import { parseClientProxy, parseDockerInfo } from './docker-info.ts'
import { type Judgement, note, skipped } from './finding.ts'
import { judgeUser, type Places, type ProxyUser } from './proxy-users.ts'

export const CLIENTS: Check = {
  layer: 'clients',
  async run({ config, home, places }, ports) {
    if (config === undefined) return only(skipped(NO_CONFIGURATION))
    if (places === undefined) return only(skipped('there is no HTTP port that they could use'))
    return only(
      ...(await judgeDocker(places, home, ports)),
      ...(await judgeRunner(places, ports)),
      judgeUser(shell(ports.environment), places),
    )
  },
}

/** A `*_proxy` assignment, in a unit's environment or in the list of a runner. */
const ASSIGNMENT = /\b(?:https?_proxy|HTTPS?_PROXY)=([^\s"']+)/

export function proxyIn(text: string): string | undefined {
  return ASSIGNMENT.exec(text)?.[1]
}

async function judgeDocker(places: Places, home: string, ports: Ports): Promise<Judgement[]> {
  const { read, run } = ports
  const shown = await run('docker', ['info', '--format', '{{json .}}'])
  if (shown === undefined) return [skipped('there is no docker')]
  const info = parseDockerInfo(shown.stdout)
  const client = judgeUser(
    {
      name: 'docker client, for containers and builds,',
      isInside: true,
      proxy: parseClientProxy(read(join(home, '.docker/config.json')) ?? ''),
      command: 'tsntlm setup docker-client',
    },
    places,
  )
  if (info === undefined) return [skipped('no Docker engine answers the docker command'), client]
  const daemon = judgeUser(
    { name: 'dockerd', isInside: false, proxy: info.proxy, command: 'tsntlm setup docker' },
    places,
  )
  return [daemon, client, ...kindsOfEngine(info)]
}

function kindsOfEngine(info: {
  readonly isRootless: boolean
  readonly isDesktop: boolean
}): Judgement[] {
  const notes: Judgement[] = []
  if (info.isRootless) {
    notes.push(
      note(
        'the Docker engine is rootless: its containers do not reach loopback or docker0 of this host',
        'let tsntlm listen on an address of the network card, with Allow for this host alone, and give containers that address',
      ),
    )
  }
  if (info.isDesktop) {
    notes.push(
      note(
        'this is Docker Desktop: it ignores the settings of dockerd for proxies',
        'Settings > Resources > Proxies, with http://host.docker.internal:PORT for containers',
      ),
    )
  }
  return notes
}

const RUNNER_CONFIG = '/etc/gitlab-runner/config.toml'

async function judgeRunner(places: Places, { mode, read, run }: Ports): Promise<Judgement[]> {
  if (mode(RUNNER_CONFIG) === undefined) return [skipped('there is no GitLab Runner')]
  const command = 'tsntlm setup gitlab-runner'
  const unit = await run('systemctl', ['show', '--property=Environment', 'gitlab-runner'])
  const service = { name: 'gitlab-runner', isInside: false, proxy: proxyIn(unit?.stdout ?? '') }
  const text = read(RUNNER_CONFIG)
  if (text === undefined) {
    return [
      judgeUser({ ...service, command }, places),
      skipped(`only root can read ${RUNNER_CONFIG}; use sudo`),
    ]
  }
  const isInside = /^\s*executor\s*=\s*"docker/m.test(text)
  const jobs = { name: 'jobs of gitlab-runner', isInside, proxy: proxyIn(text) }
  return [service, jobs].map(user => judgeUser({ ...user, command }, places))
}

function shell(environment: Ports['environment']): ProxyUser {
  const names = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY']
  return {
    name: 'this shell',
    isInside: false,
    proxy: names.map(name => environment[name]).find(value => value !== undefined && value !== ''),
    command: 'eval "$(tsntlm env)"',
  }
}
