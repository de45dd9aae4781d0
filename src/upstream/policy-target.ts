import { parseAbsoluteForm, type RequestHead } from '../http1/index.ts'

/** What an upstream's policy applies to: host and port. */
export function targetOf({ method, target }: RequestHead): string {
  return method === 'CONNECT' ? target : (parseAbsoluteForm(target)?.hostField ?? target)
}
