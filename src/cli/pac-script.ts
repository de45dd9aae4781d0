import { resolve as absolute } from 'node:path'
import { type CancelSignal, NEVER_CANCELLED, ProxyError, systemClock } from '../core/index.ts'
import { systemNames } from '../net/index.ts'
import { createIsolatedPac, decodePac, localAddresses, openSource, type Pac } from '../pac/index.ts'

/**
 * Loads a script for queries from the command line.
 * @param script a path, or an http or https URL.
 * @throws ProxyError PAC_*.
 */
export async function loadScript(script: string, onAlert: (text: string) => void): Promise<Pac> {
  const signal = NEVER_CANCELLED
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(script)?.[1]?.toLowerCase()
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') {
    throw new ProxyError('PAC_UNAVAILABLE', { detail: 'it must be a path, http:// or https://' })
  }
  const location = scheme === undefined ? absolute(script) : script
  const names = systemNames(systemClock)
  const resolve = (name: string, limit: CancelSignal): Promise<readonly string[]> =>
    names.lookUp(name, 'target', limit)
  const raw = await openSource(location, systemClock, resolve).read(signal)
  const text = decodePac(raw?.bytes ?? new Uint8Array(), raw?.contentType)
  const options = { clock: systemClock, resolve, localAddresses, onAlert }
  return createIsolatedPac(text, options, signal)
}
