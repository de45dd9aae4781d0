import type { UnlockAnswer } from './control-actions.ts'
import { askRunning, type ControlArguments } from './control-client.ts'
import { FAILED, OK } from './exit-code.ts'

/** `tsntlm unlock`: allows one more attempt with a password that is held back. @returns the exit code. */
export async function unlockCommand(
  args: ControlArguments,
  print: (line: string) => void,
  complain: (line: string) => void,
): Promise<number> {
  const reply = await askRunning('unlock', args, { method: 'POST', path: '/unlock' }, complain)
  if (reply === undefined) return FAILED
  const { account = '', outcome } = reply.body as UnlockAnswer
  switch (outcome) {
    case 'unlocked':
      print(
        `the next request that needs a logon sends the password of ${account} once; if it is rejected again, it is held back again`,
      )
      return OK
    case 'open':
      print(`the password of ${account} is not kept back: nothing was changed`)
      return OK
    case 'used up':
      complain(
        `tsntlm unlock: the hashes of ${account} were rejected in both readings, and it is not known which one is right: ` +
          'write PassEncoding plain or inverted into the configuration, then tsntlm reload',
      )
      return FAILED
    case 'no account':
      complain(
        'tsntlm unlock: the configuration has no account; those of clients are let in again by the right password',
      )
      return FAILED
  }
}
