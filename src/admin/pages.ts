import type { ServerResponse } from 'node:http'
import { type Answer, beginEvents, jsonAnswer, sendAnswer, textAnswer } from './answer.ts'
import type { EventStream } from './event-stream.ts'
import type { Metrics } from './metrics.ts'
import { ICON, PAGE } from './page-html.ts'
import { STYLE } from './page-style.ts'
import type { Snapshot } from './page/status-view.ts'

export interface PagesOptions {
  readonly snapshot: () => Snapshot
  readonly metrics: Metrics
  readonly events: EventStream
  /** Scripts of the page by their path. */
  readonly scripts: ReadonlyMap<string, string>
}

/** What is served at which path. */
export class Pages {
  readonly #options: PagesOptions
  readonly #answers: ReadonlyMap<string, () => Answer | Promise<Answer>>

  constructor(options: PagesOptions) {
    const { metrics, scripts, snapshot } = options
    this.#options = options
    this.#answers = new Map<string, () => Answer | Promise<Answer>>([
      ['/', () => ({ status: 200, type: 'text/html; charset=utf-8', body: PAGE })],
      ['/style.css', () => ({ status: 200, type: 'text/css; charset=utf-8', body: STYLE })],
      ['/icon.svg', () => ({ status: 200, type: 'image/svg+xml', body: ICON })],
      ['/livez', () => textAnswer(200, ['alive'])],
      ['/readyz', () => readyAnswer(snapshot())],
      ['/status.json', () => jsonAnswer(snapshot())],
      ['/metrics', () => metricsAnswer(metrics, snapshot())],
      ...[...scripts].map(
        ([path, body]) =>
          [path, () => ({ status: 200, type: 'text/javascript; charset=utf-8', body })] as const,
      ),
    ])
  }

  async serve(path: string, response: ServerResponse): Promise<void> {
    if (path === '/events') return this.#serveEvents(response)
    const answer = this.#answers.get(path)
    const known = ['/events', ...this.#answers.keys()].join(' ')
    sendAnswer(response, (await answer?.()) ?? textAnswer(404, [`there is: ${known}`]))
  }

  #serveEvents(response: ServerResponse): void {
    const { events } = this.#options
    if (events.isFull) {
      sendAnswer(response, textAnswer(503, ['too many are listening already']))
      return
    }
    beginEvents(response)
    if (response.req.method === 'HEAD') response.end()
    else events.add(response)
  }
}

function readyAnswer({ readiness: { isReady, reasons } }: Snapshot): Answer {
  return isReady ? textAnswer(200, ['ready']) : textAnswer(503, ['not ready', ...reasons])
}

async function metricsAnswer(metrics: Metrics, { status }: Snapshot): Promise<Answer> {
  return { status: 200, type: metrics.contentType, body: await metrics.text(status) }
}
