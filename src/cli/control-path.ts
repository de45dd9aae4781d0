import { join } from 'node:path'

export interface PlaceFacts {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly isRoot: boolean
  readonly isThere: (path: string) => boolean
}

/** Where systemd's RuntimeDirectory=tsntlm (systemd.exec(5)) and root have it. */
export const SYSTEM_SOCKET = '/run/tsntlm/control.sock'

/** Where the control socket is when the configuration does not say it; undefined when there is no place for it. */
export function usualSocket({ env, isRoot, isThere }: PlaceFacts): string | undefined {
  const fromSystemd = env['RUNTIME_DIRECTORY']?.split(':')[0] ?? ''
  if (fromSystemd !== '') return join(fromSystemd, 'control.sock')
  if (isRoot) return SYSTEM_SOCKET
  const ofUser = env['XDG_RUNTIME_DIR'] ?? ''
  return ofUser.startsWith('/') && isThere(ofUser) ? join(ofUser, 'tsntlm/control.sock') : undefined
}

/** Where to look for it: a user who runs none of his own means that of the host. */
export function socketToAsk(facts: PlaceFacts): string {
  const usual = usualSocket(facts)
  return usual !== undefined && facts.isThere(usual) ? usual : SYSTEM_SOCKET
}
