import { type CancelSignal, type Clock, countFrom, ProxyError } from '../core/index.ts'
import {
  type Consequence,
  type GuardForecast,
  isRefusal,
  type LogonWish,
  type Reading,
} from '../policy/index.ts'
import type { Gate, LogonPass } from '../upstream/index.ts'
import type { GateAnswer, GateQuestion, Holder } from './messages.ts'

/** Until the guard is first asked, the first logon is let through and its verdict awaited. */
const NOTHING_KNOWN: GuardForecast = {
  proofForMs: 0,
  refusedForMs: 0,
  asksOrigins: true,
  reading: undefined,
}

/** Sends questions to the guards in the parent process. */
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

  /** @throws ProxyError with which the guard refuses, or CLIENT_ABORTED. */
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
 * Stands in for a guard in the parent process. Its last forecast is cached here, which is enough to decide what is
 * worth trying; each logon gets its slot there.
 */
export class FarGate implements Gate {
  readonly #line: GateLine
  readonly #holder: Holder
  #forecast: GuardForecast
  #toldAt: number

  constructor(line: GateLine, holder: Holder, forecast = NOTHING_KNOWN) {
    this.#line = line
    this.#holder = holder
    this.#forecast = forecast
    this.#toldAt = line.clock.now()
  }

  get hasProof(): boolean {
    return this.#age < this.#forecast.proofForMs
  }

  get isOpen(): boolean {
    return this.#age >= this.#forecast.refusedForMs
  }

  /** How the hashes are to be read now; undefined if there is no choice. */
  get reading(): Reading | undefined {
    return this.#forecast.reading
  }

  mayAskOrigin(): boolean {
    return this.#forecast.asksOrigins
  }

  get forecast(): GuardForecast {
    return this.#forecast
  }

  learn(forecast: GuardForecast): void {
    this.#forecast = forecast
    this.#toldAt = this.#line.clock.now()
  }

  settled(): void {
    this.#line.tell({ type: 'settled', pass: this.#line.nextPass(), holder: this.#holder })
  }

  async enter(signal: CancelSignal, wish: LogonWish): Promise<LogonPass> {
    if (signal.aborted) throw new ProxyError('CLIENT_ABORTED')
    const pass = this.#line.nextPass()
    const question = { type: 'enter', pass, holder: this.#holder, wish } as const
    const answer = await this.#line.ask(question, signal)
    this.#note(answer)
    let isReported = false
    return {
      mode: answer.mode,
      isProven: answer.isProven,
      beforeSending: async () => {
        this.#note(await this.#line.ask({ type: 'send', pass }))
      },
      report: (verdict, upstream, settlement = 'none') => {
        if (isReported) return 'none'
        isReported = true
        return this.#report({ type: 'verdict', pass, verdict, upstream, settlement })
      },
    }
  }

  /** Only the answer to a refusal matters. */
  #report(question: Verdict): Consequence | Promise<Consequence> {
    if (!isRefusal(question.verdict)) {
      this.#line.tell(question)
      return 'none'
    }
    return this.#line.ask(question).then(answer => {
      this.#note(answer)
      return answer.consequence
    })
  }

  get #age(): number {
    return this.#line.clock.now() - this.#toldAt
  }

  #note({ forecast }: GateAnswer): void {
    if (forecast !== undefined) this.learn(forecast)
  }
}

type Verdict = Extract<GateQuestion, { readonly type: 'verdict' }>
