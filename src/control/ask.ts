import { request } from 'node:http'

export interface ControlQuestion {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: object
  /** How long it may be silent, in milliseconds. */
  readonly timeoutMs: number
}

export type ControlAnswer =
  | { readonly kind: 'answer'; readonly status: number; readonly body: unknown }
  /**
   * `missing`: there is no such file. `dead`: it is there, and nobody listens. `forbidden`: this user may not open it. `other`:
   * no answer in time, or none that makes sense.
   */
  | {
      readonly kind: 'unreachable'
      readonly why: 'missing' | 'dead' | 'forbidden' | 'other'
      readonly text: string
    }

const REASONS: Readonly<Record<string, 'missing' | 'dead' | 'forbidden'>> = {
  ENOENT: 'missing',
  ENOTDIR: 'missing',
  ECONNREFUSED: 'dead',
  EACCES: 'forbidden',
  EPERM: 'forbidden',
}

/** Asks whoever listens on a control socket. Nothing is thrown. */
export async function askControl(
  socketPath: string,
  { method, path, body, timeoutMs }: ControlQuestion,
): Promise<ControlAnswer> {
  const content = body === undefined ? '' : JSON.stringify(body)
  try {
    const { status, text } = await exchange(socketPath, method, path, content, timeoutMs)
    return { kind: 'answer', status, body: JSON.parse(text) as unknown }
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    return { kind: 'unreachable', why: REASONS[code] ?? 'other', text }
  }
}

async function exchange(
  socketPath: string,
  method: string,
  path: string,
  content: string,
  timeoutMs: number,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      socketPath,
      method,
      path,
      timeout: timeoutMs,
      agent: false,
      headers: { Host: 'tsntlm', 'Content-Length': Buffer.byteLength(content) },
    })
    outgoing.on('timeout', () =>
      outgoing.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)),
    )
    outgoing.on('error', reject)
    outgoing.on('response', response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          text: Buffer.concat(chunks).toString(),
        }),
      )
    })
    outgoing.end(content)
  })
}
