import type { Clock } from '../core/index.ts'
import { FileSource } from './file-source.ts'
import { UrlSource } from './url-source.ts'

/** A script as it came, not decoded. */
export interface RawScript {
  readonly bytes: Buffer
  readonly contentType: string | undefined
}

/** Where a script comes from. It remembers what it gave last. */
export interface ScriptSource {
  /**
   * The script, or undefined when it is the one that was given last.
   * @throws ProxyError PAC_UNAVAILABLE, PAC_SYNTAX for what is larger than PAC_SIZE_LIMIT, CLIENT_ABORTED.
   */
  read(signal: AbortSignal): Promise<RawScript | undefined>
}

export function isScriptUrl(location: string): boolean {
  return /^https?:\/\//i.test(location)
}

/** @param location a path, or an http or https URL. */
export function openSource(location: string, clock: Clock): ScriptSource {
  return isScriptUrl(location) ? new UrlSource(location, clock) : new FileSource(location)
}

/** The location as it may stand in a log: a URL without user information, query and fragment. */
export function showLocation(location: string): string {
  if (!isScriptUrl(location) || !URL.canParse(location)) return location
  const { origin, pathname } = new URL(location)
  return `${origin}${pathname}`
}
