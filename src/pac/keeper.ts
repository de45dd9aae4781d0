import {
  type CancelSignal,
  type Clock,
  type Emit,
  ProxyError,
  type Timer,
  toProxyError,
} from '../core/index.ts'
import { createIsolatedPac } from './create.ts'
import { decodePac } from './decode.ts'
import { orAborted, type ResolveName } from './dns-trace.ts'
import type { Pac } from './evaluator.ts'
import { localAddresses } from './host-names.ts'
import type { RawScript, ScriptSource } from './raw-script.ts'
import { isScriptUrl, openSource, showLocation } from './source.ts'

export interface KeeperOptions {
  /** An absolute path, or an http or https URL. */
  readonly location: string
  /** How often a URL is fetched again, in milliseconds; 0 for never. */
  readonly refreshMs: number
  readonly clock: Clock
  readonly emit: Emit
  readonly resolve: ResolveName
  /** Creates the evaluator of the script. Default: createIsolatedPac. */
  readonly create?: typeof createIsolatedPac
}

/** Finds proxies by the script, as long as one is loaded and works. */
export interface PacFinder {
  /** Settles when the script is loaded, fails to load, or is not there within 3 seconds; never rejects. */
  readonly ready: Promise<void>
  /**
   * The script's result, or undefined when it is unavailable or fails: the configured upstreams are used then. Until
   * the script is there it waits as `ready` does.
   * @param host name or address of the URL, without brackets and port.
   * @throws ProxyError CLIENT_ABORTED only.
   */
  find(url: string, host: string, signal: CancelSignal): Promise<string | undefined>
  close(): void
}

const READY_MS = 3_000
const FILE_POLL_MS = 5_000
const FIRST_RETRY_MS = 5_000
const LONGEST_RETRY_MS = 300_000

/** Loads the PAC script, and keeps it up to date until closed. */
export function openPac(options: KeeperOptions): PacFinder {
  return new Keeper(options)
}

interface Loaded {
  readonly pac: Pac
  readonly text: string
  readonly bytes: number
}

class Keeper implements PacFinder {
  readonly ready: Promise<void>
  readonly #options: KeeperOptions
  readonly #location: string
  readonly #isUrl: boolean
  readonly #source: ScriptSource
  readonly #closing = new AbortController()
  #loaded: Loaded | undefined
  /** The script read last, unless it is loaded. */
  #candidate: RawScript | undefined
  /** The problem reported last, if it persists. */
  #trouble: string | undefined
  #retryMs = FIRST_RETRY_MS
  #retryAt = 0
  #timer: Timer | undefined

  constructor(options: KeeperOptions) {
    this.#options = options
    this.#location = showLocation(options.location)
    this.#isUrl = isScriptUrl(options.location)
    this.#source = openSource(options.location, options.clock, options.resolve)
    this.ready = this.#firstOf(this.#cycle())
  }

  async find(url: string, host: string, signal: CancelSignal): Promise<string | undefined> {
    if (this.#loaded === undefined) await orAborted(this.ready, signal)
    try {
      return await this.#loaded?.pac.find(url, host, signal)
    } catch (error) {
      const { code, detail = '' } = toProxyError(error)
      if (signal.aborted) throw new ProxyError('CLIENT_ABORTED')
      this.#options.emit({ type: 'pac.faulted', location: this.#location, error: code, detail })
      return undefined
    }
  }

  close(): void {
    this.#closing.abort()
    this.#timer?.cancel()
    this.#loaded?.pac.close()
    this.#loaded = undefined
  }

  #firstOf(cycle: Promise<void>): Promise<void> {
    return new Promise(resolve => {
      const timer = this.#options.clock.setTimer(READY_MS, resolve)
      void cycle.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  async #cycle(): Promise<void> {
    const { clock } = this.#options
    try {
      await this.#refresh()
    } catch (error) {
      this.#fail(error)
    }
    const delayMs = this.#delayMs()
    if (this.#closing.signal.aborted || delayMs === undefined) return
    this.#timer = clock.setTimer(delayMs, () => void this.#cycle())
  }

  async #refresh(): Promise<void> {
    const raw = await this.#source.read(this.#closing.signal)
    if (raw !== undefined) {
      if (this.#candidate?.bytes.equals(raw.bytes) !== true) this.#resetRetries()
      this.#candidate = raw
    }
    // A file is polled more often than a broken script is retried.
    const isDue = this.#isUrl || this.#options.clock.now() >= this.#retryAt
    if (this.#candidate === undefined) this.#settle()
    else if (isDue) await this.#load(this.#candidate)
  }

  async #load({ bytes, contentType }: RawScript): Promise<void> {
    const text = decodePac(bytes, contentType)
    if (text !== this.#loaded?.text) {
      const pac = await this.#start(text)
      this.#loaded?.pac.close()
      this.#loaded = { pac, text, bytes: bytes.length }
      this.#report(this.#loaded)
    }
    this.#candidate = undefined
    this.#settle()
  }

  async #start(text: string): Promise<Pac> {
    const { clock, emit, resolve, create = createIsolatedPac } = this.#options
    const onAlert = (said: string): void =>
      emit({ type: 'pac.alert', location: this.#location, text: said })
    const options = { clock, resolve, localAddresses, onAlert }
    const pac = await create(text, options, this.#closing.signal)
    if (!this.#closing.signal.aborted) return pac
    pac.close()
    throw new ProxyError('CLIENT_ABORTED')
  }

  /** The current script is the loaded one. */
  #settle(): void {
    if (this.#trouble !== undefined && this.#loaded !== undefined) this.#report(this.#loaded)
  }

  #report({ bytes }: Loaded): void {
    this.#trouble = undefined
    this.#resetRetries()
    this.#options.emit({ type: 'pac.loaded', location: this.#location, bytes })
  }

  #fail(error: unknown): void {
    if (this.#closing.signal.aborted) return
    const { clock, emit } = this.#options
    this.#retryAt = clock.now() + this.#retryMs
    this.#retryMs = Math.min(2 * this.#retryMs, LONGEST_RETRY_MS)
    const { code, detail = '' } = toProxyError(error)
    const trouble = `${code} ${detail}`
    if (trouble === this.#trouble) return
    this.#trouble = trouble
    const keepsOld = this.#loaded !== undefined
    emit({ type: 'pac.failed', location: this.#location, error: code, detail, keepsOld })
  }

  #resetRetries(): void {
    this.#retryMs = FIRST_RETRY_MS
    this.#retryAt = 0
  }

  /** undefined: never. Files are always polled, because that costs nothing. */
  #delayMs(): number | undefined {
    const { clock, refreshMs } = this.#options
    if (!this.#isUrl) return FILE_POLL_MS
    if (this.#trouble !== undefined) return Math.max(0, this.#retryAt - clock.now())
    return refreshMs === 0 ? undefined : refreshMs
  }
}
