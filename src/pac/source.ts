import type { Clock } from '../core/index.ts'
import type { ResolveName } from './dns-trace.ts'
import { FileSource } from './file-source.ts'
import type { ScriptSource } from './raw-script.ts'
import { UrlSource } from './url-source.ts'

export function isScriptUrl(location: string): boolean {
  return /^https?:\/\//i.test(location)
}

/**
 * @param location a path, or an http or https URL.
 * @param resolve resolves the host name in the URL.
 */
export function openSource(location: string, clock: Clock, resolve: ResolveName): ScriptSource {
  return isScriptUrl(location) ? new UrlSource(location, clock, resolve) : new FileSource(location)
}

/** The location for logs: a URL without user information, query and fragment. */
export function showLocation(location: string): string {
  if (!isScriptUrl(location) || !URL.canParse(location)) return location
  const { origin, pathname } = new URL(location)
  return `${origin}${pathname}`
}
