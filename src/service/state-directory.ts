import { join } from 'node:path'

export interface StateDirectoryFacts {
  /** The StateDirectory directive. */
  readonly configured: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly isRoot: boolean
  readonly home: string
}

/** Where state is kept: the directive, systemd's StateDirectory= (systemd.exec(5)), or the user's usual location. */
export function chooseStateDirectory({
  configured,
  env,
  isRoot,
  home,
}: StateDirectoryFacts): string {
  if (configured !== undefined) return configured
  const fromSystemd = env['STATE_DIRECTORY']?.split(':')[0]
  if (fromSystemd !== undefined && fromSystemd !== '') return fromSystemd
  if (isRoot) return '/var/lib/tsntlm'
  const xdg = env['XDG_STATE_HOME']
  return join(xdg !== undefined && xdg.startsWith('/') ? xdg : join(home, '.local/state'), 'tsntlm')
}
