import { resolve } from 'node:path'
import { NEVER_CANCELLED, ProxyError, systemClock } from '../core/index.ts'
import {
  createIsolatedPac,
  decodePac,
  localAddresses,
  openSource,
  type Pac,
  resolveName,
} from '../pac/index.ts'

/**
 * Loads a script to be asked from the command line.
 * @param script a path, or an http or https URL.
 * @throws ProxyError PAC_*.
 */
export async function loadScript(script: string, onAlert: (text: string) => void): Promise<Pac> {
  const signal = NEVER_CANCELLED
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(script)?.[1]?.toLowerCase()
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') {
    throw new ProxyError('PAC_UNAVAILABLE', { detail: 'it must be a path, http:// or https://' })
  }
  const location = scheme === undefined ? resolve(script) : script
  const raw = await openSource(location, systemClock).read(signal)
  const text = decodePac(raw?.bytes ?? new Uint8Array(), raw?.contentType)
  const options = { clock: systemClock, resolve: resolveName, localAddresses, onAlert }
  return createIsolatedPac(text, options, signal)
}
