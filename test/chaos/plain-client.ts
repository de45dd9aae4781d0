import { ask, download, upload } from './client-faults.ts'
import { framingLine, framingOf, readBody, readHead, statusOf } from './messages.ts'
import type { Plan, Seen } from './plan.ts'
import type { Wire } from './wire.ts'

export interface Exchanged {
  readonly failure: string | undefined
  /** Whether the connection can be used again. */
  readonly keeps: boolean
}

/** One request in absolute form, and its answer. */
export async function exchange(
  wire: Wire,
  plan: Plan,
  target: string,
  seen: Seen,
): Promise<Exchanged> {
  const lines = [
    `${plan.method} http://${target}/t/${plan.id} HTTP/${plan.version}`,
    `Host: ${target}`,
    ...(plan.upload > 0 ? [framingLine(plan.uploadFraming, plan.upload)] : []),
    ...(plan.expectContinue ? ['Expect: 100-continue'] : []),
    ...(plan.keepAlive ? [] : ['Connection: close']),
  ]
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
  if (!(await ask(wire, plan, head, seen))) return { failure: undefined, keeps: false }
  let mayContinue: () => void = () => undefined
  const continued = new Promise<void>(resolve => (mayContinue = resolve))
  // It is read while the upload goes out: it may come early.
  const answer = readAnswer(wire, plan, seen, mayContinue).finally(mayContinue)
  if (plan.expectContinue) await continued
  if (seen.failure === undefined) await upload(wire, plan, seen)
  return answer
}

async function readAnswer(
  wire: Wire,
  plan: Plan,
  seen: Seen,
  mayContinue: () => void,
): Promise<Exchanged> {
  let head = await readHead(wire)
  if (head !== undefined && statusOf(head) === 100) {
    mayContinue()
    head = await readHead(wire)
  }
  if (head === undefined) return { failure: `no answer (${wire.ending})`, keeps: false }
  const framing = framingOf(head, 'close')
  if (statusOf(head) !== 200) {
    seen.failure = `status ${statusOf(head)}`
    await readBody(wire, framing, () => undefined)
    return { failure: seen.failure, keeps: false }
  }
  seen.answerOf = Number(head.fields.get('x-transfer'))
  seen.isWhole = await readBody(wire, framing, download(wire, plan, seen))
  const keeps = framing.kind !== 'close' && head.fields.get('connection') !== 'close'
  return { failure: seen.isWhole ? undefined : `cut short (${wire.ending})`, keeps }
}
