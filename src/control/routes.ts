import type { ControlActions } from './actions.ts'

export interface Answer {
  readonly status: number
  readonly body: object
}

type Handler = (actions: ControlActions, body: unknown) => Answer | Promise<Answer>

interface Route {
  readonly GET?: Handler
  /** Whatever changes something. */
  readonly POST?: Handler
}

const ok = (body: object): Answer => ({ status: 200, body })

/** An answer that says in words what is wrong with the question. */
export const refusal = (status: number, error: string): Answer => ({ status, body: { error } })

const ROUTES: Readonly<Record<string, Route>> = {
  '/status': { GET: async actions => ok(await actions.status()) },
  '/tunnels': { GET: async actions => ok({ tunnels: await actions.tunnels() }) },
  '/reload': {
    POST: async actions => {
      const outcome = await actions.reload()
      return { status: outcome.taken ? 200 : 422, body: outcome }
    },
  },
  '/drain': { POST: async actions => ({ status: 202, body: await actions.drain() }) },
  '/unlock': { POST: actions => ok(actions.unlock()) },
  '/log/reopen': {
    POST: actions =>
      actions.reopenLog()
        ? ok({ reopened: true })
        : refusal(500, 'the log file cannot be opened anew, see standard error of the service'),
  },
  '/log-level': {
    GET: actions => ok({ level: actions.logLevel() }),
    POST: (actions, body) => {
      const level = levelOf(body)
      if (level === undefined) return refusal(400, 'the body must be {"level": "..."}')
      if (!actions.setLogLevel(level))
        return refusal(400, `there is no log level ${JSON.stringify(level)}`)
      return ok({ level: actions.logLevel() })
    },
  },
}

/** Answers one request. */
export async function answerRequest(
  actions: ControlActions,
  method: string,
  path: string,
  body: unknown,
): Promise<Answer> {
  const route = Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined
  if (route === undefined)
    return refusal(404, `there is no ${path}, but ${Object.keys(ROUTES).join(', ')}`)
  const handler = method === 'GET' || method === 'POST' ? route[method] : undefined
  if (handler === undefined) {
    const methods = Object.keys(route).join(' and ')
    return refusal(405, `${path} takes ${methods} alone`)
  }
  return handler(actions, body)
}

function levelOf(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('level' in body)) return undefined
  return typeof body.level === 'string' ? body.level : undefined
}
