import { type CancelSignal, type Clock, countFrom, ProxyError } from '../core/index.ts'
import { type GuardForecast, isRefusal, type LogonVerdict, type Reading } from '../policy/index.ts'
import type { Gate, LogonPass } from '../upstream/index.ts'
import type { GateAnswer, GateQuestion, Holder } from './messages.ts'

/** A guard that was never asked lets the first logon through, and waits for its verdict. */
const NOTHING_KNOWN: GuardForecast = {
  proofUntilMs: 0,
  refusedUntilMs: 0,
  asksOriginsFromMs: 0,
  reading: undefined,
}

/** Asks the guards of the process that this one works for. */
export class GateLine {
  readonly clock: Clock
  readonly #post: (question: GateQuestion) => void
  readonly #waiting = new Map<number, (answer: GateAnswer) => void>()
  readonly #nextPass = countFrom()

  constructor(clock: Clock, post: (question: GateQuestion) => void) {
    this.clock = clock
    this.#post = post
  }

  nextPass(): number {
    return this.#nextPass()
  }

  tell(question: GateQuestion): void {
    this.#post(question)
  }

  /** @throws ProxyError as the guard refuses, or CLIENT_ABORTED. */
  async ask(question: GateQuestion, signal?: CancelSignal): Promise<GateAnswer> {
    const { pass } = question
    let onAbort = (): void => undefined
    try {
      return await new Promise((resolve, reject) => {
        onAbort = () => {
          this.#waiting.delete(pass)
          this.#post({ type: 'leave', pass })
          reject(new ProxyError('CLIENT_ABORTED'))
        }
        this.#waiting.set(pass, ({ error, ...answer }) => {
          if (error === undefined) resolve({ error, ...answer })
          else reject(unpackError(error))
        })
        this.#post(question)
        signal?.addEventListener('abort', onAbort, { once: true })
        if (signal?.aborted === true) onAbort()
      })
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  receive(answer: GateAnswer): void {
    const waiting = this.#waiting.get(answer.pass)
    this.#waiting.delete(answer.pass)
    waiting?.(answer)
  }
}

function unpackError({ code, detail, retryAfterMs }: NonNullable<GateAnswer['error']>): ProxyError {
  return new ProxyError(code, {
    ...(detail === undefined ? {} : { detail }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

/**
 * Stands for a guard of another process. What that one said last is known here, and is good enough to decide what is worth trying; no
 * password is shown without asking.
 */
export class FarGate implements Gate {
  readonly #line: GateLine
  readonly #holder: Holder
  #forecast: GuardForecast

  constructor(line: GateLine, holder: Holder, forecast = NOTHING_KNOWN) {
    this.#line = line
    this.#holder = holder
    this.#forecast = forecast
  }

  get hasProof(): boolean {
    return this.#now < this.#forecast.proofUntilMs
  }

  get isOpen(): boolean {
    return this.#now >= this.#forecast.refusedUntilMs
  }

  /** How the hashes are to be read now; undefined where there is no choice. */
  get reading(): Reading | undefined {
    return this.#forecast.reading
  }

  mayAskOrigin(): boolean {
    return this.#now >= this.#forecast.asksOriginsFromMs
  }

  get forecast(): GuardForecast {
    return this.#forecast
  }

  learn(forecast: GuardForecast): void {
    this.#forecast = forecast
  }

  /** With a proven password nobody waits, so the guard is asked when the password is to be shown, and not before. */
  async enter(signal: CancelSignal): Promise<LogonPass> {
    if (signal.aborted) throw new ProxyError('CLIENT_ABORTED')
    const pass = this.#line.nextPass()
    const holder = this.#holder
    if (this.hasProof && this.isOpen) {
      return this.#pass(pass, true, { type: 'enter', pass, holder, shows: true })
    }
    const answer = await this.#line.ask({ type: 'enter', pass, holder, shows: false }, signal)
    this.#note(answer)
    return this.#pass(pass, answer.isProven, { type: 'show', pass })
  }

  /** @param showing asks whether it may be shown. */
  #pass(pass: number, isProven: boolean, showing: GateQuestion): LogonPass {
    let isHeld = showing.type === 'show'
    let isReported = false
    return {
      isProven,
      beforeShowing: async () => {
        isHeld = true
        this.#note(await this.#line.ask(showing))
      },
      report: (verdict, upstream) => {
        if (isReported) return false
        isReported = true
        return isHeld && this.#report(pass, verdict, upstream)
      },
    }
  }

  /** Only a refusal has an answer that matters. */
  #report(pass: number, verdict: LogonVerdict, upstream: string): boolean | Promise<boolean> {
    const question = { type: 'verdict', pass, verdict, upstream } as const
    if (!isRefusal(verdict)) {
      this.#line.tell(question)
      return false
    }
    return this.#line.ask(question).then(answer => {
      this.#note(answer)
      return answer.otherReading
    })
  }

  get #now(): number {
    return this.#line.clock.wallMs()
  }

  #note({ forecast }: GateAnswer): void {
    if (forecast !== undefined) this.#forecast = forecast
  }
}
