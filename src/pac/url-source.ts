import { type IncomingMessage, request as httpRequest, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIPv6, type LookupFunction } from 'node:net'
import { type CancelSignal, type Clock, isProxyError, ProxyError } from '../core/index.ts'
import { PAC_SIZE_LIMIT } from './decode.ts'
import type { ResolveName } from './dns-trace.ts'
import {
  type RawScript,
  readScriptBytes,
  reasonOf,
  type ScriptSource,
  tooLarge,
  unavailable,
} from './raw-script.ts'

const FETCH_MS = 10_000
const MAX_REDIRECTS = 5
const REDIRECTS = [301, 302, 303, 307, 308]

const UNTRUSTED =
  'its certificate is not trusted; NODE_EXTRA_CA_CERTS can name a file with the authority that signed it'
const REASONS = {
  ECONNREFUSED: 'its server refuses the connection',
  ECONNRESET: 'the connection was closed before the script was complete',
  EHOSTUNREACH: 'its server cannot be reached',
  ENETUNREACH: 'its server cannot be reached',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
}

/** Validators for conditional requests (RFC 9110 section 13.1). */
interface Version {
  /** The URL after all redirects: the validators of one resource do not apply to another. */
  readonly href: string
  readonly etag: string | undefined
  readonly lastModified: string | undefined
}

/** A script from a web server, fetched directly, because the script itself has to say which proxy to use. */
export class UrlSource implements ScriptSource {
  readonly #url: URL
  readonly #clock: Clock
  readonly #resolve: ResolveName
  #version: Version | undefined

  constructor(location: string, clock: Clock, resolve: ResolveName) {
    this.#url = new URL(location)
    this.#clock = clock
    this.#resolve = resolve
  }

  async read(signal: CancelSignal): Promise<RawScript | undefined> {
    const limit = new AbortController()
    const leave = (): void => limit.abort()
    const timer = this.#clock.setTimer(FETCH_MS, leave)
    signal.addEventListener('abort', leave, { once: true })
    if (signal.aborted) leave()
    try {
      return await this.#fetch(limit.signal)
    } catch (error) {
      if (signal.aborted) throw new ProxyError('CLIENT_ABORTED')
      if (limit.signal.aborted) throw unavailable('no complete answer within 10 seconds', error)
      throw isProxyError(error) ? error : unavailable(reasonOf(error, REASONS), error)
    } finally {
      timer.cancel()
      signal.removeEventListener('abort', leave)
    }
  }

  async #fetch(signal: AbortSignal): Promise<RawScript | undefined> {
    let url = this.#url
    const seen = new Set<string>()
    for (;;) {
      if (seen.has(url.href)) throw unavailable('its redirects go round in circles')
      if (seen.size > MAX_REDIRECTS) throw unavailable(`more than ${MAX_REDIRECTS} redirects`)
      seen.add(url.href)
      const response = await get(
        url,
        this.#conditions(url),
        lookupBy(this.#resolve, signal),
        signal,
      )
      try {
        const status = response.statusCode ?? 0
        if (REDIRECTS.includes(status)) url = redirectOf(response, url)
        else if (status === 304 && this.#version?.href === url.href) return undefined
        else return await this.#take(response, url)
      } finally {
        response.destroy()
      }
    }
  }

  #conditions(url: URL): Record<string, string> {
    if (this.#version?.href !== url.href) return {}
    const { etag, lastModified } = this.#version
    return {
      ...(etag === undefined ? {} : { 'If-None-Match': etag }),
      ...(lastModified === undefined ? {} : { 'If-Modified-Since': lastModified }),
    }
  }

  async #take(response: IncomingMessage, url: URL): Promise<RawScript> {
    const { statusCode, headers } = response
    if (statusCode !== 200) throw unavailable(`its server answers with status ${statusCode ?? 0}`)
    const coding = headers['content-encoding'] ?? 'identity'
    if (coding !== 'identity')
      throw unavailable('its server sends it compressed without being asked to')
    if (Number(headers['content-length']) > PAC_SIZE_LIMIT) throw tooLarge()
    const bytes = await readScriptBytes(response)
    const lastModified = headers['last-modified']
    this.#version = { href: url.href, etag: headers.etag, lastModified }
    return { bytes, contentType: headers['content-type'] }
  }
}

function get(
  url: URL,
  conditions: Record<string, string>,
  lookup: LookupFunction,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const fields = { Accept: '*/*', 'Accept-Encoding': 'identity', 'User-Agent': 'tsntlm' }
  // No agent: a separate connection, without node's own proxy settings.
  const options: RequestOptions = {
    agent: false,
    lookup,
    signal,
    headers: { ...fields, ...conditions },
  }
  return new Promise((resolve, reject) => {
    const isSecure = url.protocol === 'https:'
    const request = isSecure ? httpsRequest(url, options) : httpRequest(url, options)
    request.on('response', resolve).on('error', reject).end()
  })
}

/** A look-up function for node, which would otherwise use the C library, in a thread that upstream look-ups may need. */
function lookupBy(resolve: ResolveName, signal: CancelSignal): LookupFunction {
  return (name, { all = false }, done) => {
    resolve(name, signal).then(
      found => {
        const entries = found.map(address => ({ address, family: isIPv6(address) ? 6 : 4 }))
        if (all) done(null, entries)
        else done(null, entries[0]?.address ?? '', entries[0]?.family)
      },
      (cause: unknown) => {
        const detail = isProxyError(cause) ? cause.detail : undefined
        done(unavailable(detail ?? 'the name of its server has no address', cause), [])
      },
    )
  }
}

function redirectOf({ headers }: IncomingMessage, from: URL): URL {
  const location = headers.location ?? ''
  if (location === '' || !URL.canParse(location, from.href)) {
    throw unavailable('its server redirects to nowhere')
  }
  const to = new URL(location, from)
  to.username = ''
  to.password = ''
  to.hash = ''
  if (to.protocol !== 'http:' && to.protocol !== 'https:') {
    throw unavailable(`its server redirects to a ${to.protocol} URL`)
  }
  if (from.protocol === 'https:' && to.protocol === 'http:') {
    throw unavailable('its server redirects from https to http, where anybody could change it')
  }
  return to
}
