import type { HostPort } from '../../core/index.ts'
import type { Facts } from '../facts.ts'
import { GO } from '../no-proxy.ts'
import { type PlannedFile, PUBLIC } from '../plan.ts'
import { proxyVariables } from '../variables.ts'

/**
 * A drop-in of its own for a service that is written in Go. It sorts behind the usual names (http-proxy.conf), and of two
 * assignments of a variable the later one counts (systemd.exec(5)).
 */
export function dropIn(
  unit: string,
  proxy: HostPort,
  facts: Facts,
): { readonly file: PlannedFile; readonly warnings: readonly string[] } {
  const { values, warnings } = proxyVariables(proxy, facts.noProxy, GO)
  const file: PlannedFile = {
    path: `/etc/systemd/system/${unit}.service.d/tsntlm-proxy.conf`,
    why: `the environment of ${unit}.service`,
    format: 'drop-in',
    mode: PUBLIC,
    settings: values.map(([name, value]) => ({ key: ['Service', name], value })),
  }
  return { file, warnings }
}

/** For systemd to read a drop-in, and to see that it has. */
export function dropInCommands(unit: string): string[] {
  return [
    'systemctl daemon-reload',
    `systemctl restart ${unit}`,
    `systemctl show --property=Environment ${unit}`,
  ]
}
