import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Load, type LoadArguments, type Native, whole } from './native.ts'

/** A load generator that keeps tunnels open. */
export interface HeldTunnels {
  /** Opens so many more. */
  open(count: number): Promise<Load>
  /** Sends a byte over each and waits for it to come back. */
  echo(): Promise<Load>
  close(): Promise<Load>
  end(): void
}

/** Every answer is rejected with an Error when one tunnel failed. */
export function holdTunnels({ folder }: Native, args: LoadArguments): HeldTunnels {
  const child = spawn(
    join(folder, 'load'),
    ['hold', ...Object.entries(args).map(([name, value]) => `${name}=${value}`)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]()
  const ask = async (command: string): Promise<Load> => {
    child.stdin.write(`${command}\n`)
    const { done, value } = await answers.next()
    if (done === true) throw new Error('the load generator ended')
    return whole(JSON.parse(value) as Load)
  }
  return {
    open: count => ask(`open ${count}`),
    echo: () => ask('echo'),
    close: () => ask('close'),
    end: () => void child.kill(),
  }
}
