import { Cancellation, type ProxyError, toProxyError } from '../core/index.ts'
import { type GuardForecast, isRefusal } from '../policy/index.ts'
import type { Gate, LogonPass } from '../upstream/index.ts'
import type { GateAnswer, GateQuestion, Holder, PackedError } from './messages.ts'

export interface GateDeskOptions {
  /** @throws ProxyError when there is none. */
  readonly gateOf: (holder: Holder) => Gate
  readonly answer: (answer: GateAnswer) => void
}

/** One logon of a worker. */
interface Visit {
  readonly left: Cancellation
  gate?: Gate
  pass?: LogonPass
  isShown: boolean
}

/** Where a logon that a worker leaves behind ended. */
const ENDED = 'a worker that ended'

/** Lets the logons of one worker through the guards of this process, which thereby decide as if they were made here. */
export class GateDesk {
  readonly #options: GateDeskOptions
  readonly #visits = new Map<number, Visit>()

  constructor(options: GateDeskOptions) {
    this.#options = options
  }

  receive(question: GateQuestion): void {
    const { pass } = question
    switch (question.type) {
      case 'enter':
        void this.#enter(pass, question.holder, question.shows)
        break
      case 'show':
        this.#show(pass)
        break
      case 'leave':
        this.#leave(pass)
        break
      case 'verdict':
        this.#close(pass, question)
    }
  }

  /** The worker ended. Of a password that it showed nobody will ever hear the verdict. */
  close(): void {
    for (const { left, pass, isShown } of this.#visits.values()) {
      left.abort()
      void pass?.report(isShown ? 'unanswered' : 'not-shown', ENDED)
    }
    this.#visits.clear()
  }

  async #enter(number: number, holder: Holder, shows: boolean): Promise<void> {
    const visit: Visit = { left: new Cancellation(), isShown: false }
    this.#visits.set(number, visit)
    try {
      visit.gate = this.#options.gateOf(holder)
      const pass = await visit.gate.enter(visit.left)
      visit.pass = pass
      if (visit.left.aborted) void pass.report('not-shown', ENDED)
      else if (shows) this.#show(number)
      else this.#answer(number, visit)
    } catch (error) {
      this.#visits.delete(number)
      this.#answer(number, visit, error)
    }
  }

  #show(number: number): void {
    const visit = this.#visits.get(number)
    const pass = visit?.pass
    if (visit === undefined || pass === undefined) return
    try {
      // A guard of this process answers at once.
      void pass.beforeShowing()
      visit.isShown = true
      this.#answer(number, visit)
    } catch (error) {
      this.#answer(number, visit, error)
    }
  }

  #leave(number: number): void {
    const visit = this.#visits.get(number)
    this.#visits.delete(number)
    visit?.left.abort()
    void visit?.pass?.report('not-shown', ENDED)
  }

  #close(number: number, verdict: Extract<GateQuestion, { type: 'verdict' }>): void {
    const visit = this.#visits.get(number)
    this.#visits.delete(number)
    const otherReading = visit?.pass?.report(verdict.verdict, verdict.upstream) === true
    const isAwaited = isRefusal(verdict.verdict)
    if (visit !== undefined && isAwaited) this.#answer(number, visit, undefined, otherReading)
  }

  #answer(number: number, { gate, pass }: Visit, thrown?: unknown, otherReading = false): void {
    const forecast: GuardForecast | undefined = gate?.forecast
    const error = thrown === undefined ? undefined : packError(toProxyError(thrown))
    const isProven = pass?.isProven ?? false
    this.#options.answer({ type: 'answer', pass: number, forecast, isProven, otherReading, error })
  }
}

function packError({ code, detail, retryAfterMs }: ProxyError): PackedError {
  return { code, detail, retryAfterMs }
}
