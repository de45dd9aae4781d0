import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { Secret } from '../core/index.ts'

/** Asks for a password without showing it; from a pipe or file it is the first line. @returns undefined at end of input. */
export async function readPassword(question: string): Promise<Secret<string> | undefined> {
  const { stdin, stderr } = process
  const isTerminal = stdin.isTTY
  if (isTerminal) stderr.write(question)
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: stdin, output: nowhere, terminal: isTerminal })
  try {
    return await new Promise(resolve => {
      lines.once('line', line => resolve(new Secret(line)))
      lines.once('close', () => resolve(undefined))
      lines.once('SIGINT', () => resolve(undefined))
    })
  } finally {
    lines.close()
    // A file in its place (`< /dev/null`) is a stream that keeps nobody waiting and has no unref.
    if ('unref' in stdin) stdin.unref()
    if (isTerminal) stderr.write('\n')
  }
}
