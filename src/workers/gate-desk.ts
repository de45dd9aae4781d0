import { Cancellation, type ProxyError, toProxyError } from '../core/index.ts'
import { type Consequence, isRefusal, type LogonWish } from '../policy/index.ts'
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
  isSent: boolean
}

/** Reported as the upstream of a logon that a worker abandons. */
const ENDED = 'a worker that ended'

/** Passes the logons of one worker through the guards in this process, which treat them as local ones. */
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
        void this.#enter(pass, question.holder, question.wish)
        break
      case 'send':
        this.#send(pass)
        break
      case 'leave':
        this.#leave(pass)
        break
      case 'settled':
        this.#settled(question.holder)
        break
      case 'verdict':
        this.#close(pass, question)
    }
  }

  /** The worker has ended: the verdict on a password that it sent will never arrive. */
  close(): void {
    for (const { left, pass, isSent } of this.#visits.values()) {
      left.abort()
      void pass?.report(isSent ? 'unanswered' : 'not-sent', ENDED)
    }
    this.#visits.clear()
  }

  async #enter(number: number, holder: Holder, wish: LogonWish): Promise<void> {
    const visit: Visit = { left: new Cancellation(), isSent: false }
    this.#visits.set(number, visit)
    try {
      visit.gate = this.#options.gateOf(holder)
      const pass = await visit.gate.enter(visit.left, wish)
      visit.pass = pass
      if (visit.left.aborted) void pass.report('not-sent', ENDED)
      else this.#answer(number, visit)
    } catch (error) {
      this.#visits.delete(number)
      this.#answer(number, visit, { error })
    }
  }

  #send(number: number): void {
    const visit = this.#visits.get(number)
    const pass = visit?.pass
    if (visit === undefined || pass === undefined) return
    try {
      // Guards in this process answer synchronously.
      void pass.beforeSending()
      visit.isSent = true
      this.#answer(number, visit)
    } catch (error) {
      this.#answer(number, visit, { error })
    }
  }

  #settled(holder: Holder): void {
    try {
      this.#options.gateOf(holder).settled()
    } catch {
      // The account has changed meanwhile, so nothing waits for it any more.
    }
  }

  #leave(number: number): void {
    const visit = this.#visits.get(number)
    this.#visits.delete(number)
    visit?.left.abort()
    void visit?.pass?.report('not-sent', ENDED)
  }

  #close(number: number, verdict: Extract<GateQuestion, { type: 'verdict' }>): void {
    const visit = this.#visits.get(number)
    this.#visits.delete(number)
    const reported = visit?.pass?.report(verdict.verdict, verdict.upstream, verdict.settlement)
    // Guards in this process answer synchronously.
    const consequence = typeof reported === 'string' ? reported : 'none'
    if (visit !== undefined && isRefusal(verdict.verdict))
      this.#answer(number, visit, { consequence })
  }

  #answer(number: number, { gate, pass }: Visit, outcome: Outcome = {}): void {
    const { consequence = 'none', error } = outcome
    this.#options.answer({
      type: 'answer',
      pass: number,
      forecast: gate?.forecast,
      mode: pass?.mode ?? 'check',
      isProven: pass?.isProven ?? false,
      consequence,
      error: error === undefined ? undefined : packError(toProxyError(error)),
    })
  }
}

interface Outcome {
  readonly consequence?: Consequence
  readonly error?: unknown
}

function packError({ code, detail, retryAfterMs }: ProxyError): PackedError {
  return { code, detail, retryAfterMs }
}
