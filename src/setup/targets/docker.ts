import type { Facts } from '../facts.ts'
import { GO, renderNoProxy } from '../no-proxy.ts'
import { NOTHING, type Plan, proxyUrl, PUBLIC, type Target } from '../plan.ts'
import { droppedWarning } from '../variables.ts'
import { dropIn, dropInCommands } from './drop-in.ts'

const OLD_DOCKER =
  'a dockerd older than 23.0 does not start with it: see docker version; without --daemon-json any of them is served'
const RESTART = 'restarting docker stops running containers, unless live-restore is on'

export const DOCKER: Target = {
  name: 'docker',
  summary:
    'dockerd: pulls and pushes of images (systemd drop-in, or daemon.json with --daemon-json)',
  plan: (facts, { daemonJson }) => (daemonJson ? viaDaemonJson(facts) : viaDropIn(facts)),
}

function viaDropIn(facts: Facts): Plan {
  const { file, warnings } = dropIn('docker', facts.host, facts)
  return {
    ...NOTHING,
    files: [file],
    warnings: [...warnings, RESTART],
    commands: dropInCommands('docker'),
  }
}

/** Since Docker Engine 23.0; beats the environment of dockerd. */
function viaDaemonJson(facts: Facts): Plan {
  const { entries, dropped } = renderNoProxy(facts.noProxy, GO)
  const url = proxyUrl(facts.host)
  const file = {
    path: '/etc/docker/daemon.json',
    why: 'the proxies of dockerd, from Docker Engine 23.0 on; they beat its environment',
    format: 'json',
    mode: PUBLIC,
    settings: [
      { key: ['proxies', 'http-proxy'], value: url },
      { key: ['proxies', 'https-proxy'], value: url },
      { key: ['proxies', 'no-proxy'], value: entries.join(',') },
    ],
  } as const
  return {
    ...NOTHING,
    files: [file],
    warnings: [...droppedWarning(dropped), OLD_DOCKER, RESTART],
    commands: ['systemctl restart docker', "docker info --format '{{.HTTPProxy}} {{.NoProxy}}'"],
  }
}
