import { until } from '../harness/real/until.ts'
import { Client } from './client.ts'
import { Origin } from './origin.ts'
import { type Program, startProgram, type Usage } from './program.ts'
import { ChaosUpstream } from './upstream.ts'

/** The program under test between clients and two upstreams, behind which is the origin. */
export interface World {
  readonly program: Program
  readonly origin: Origin
  readonly upstreams: readonly ChaosUpstream[]
  readonly client: Client
  stop(): Promise<void>
}

const SETTLE_MS = 20_000

/** @param config lines besides those that every world has. */
export async function startWorld(config: readonly string[]): Promise<World> {
  const origin = new Origin()
  const upstreams = [new ChaosUpstream(origin), new ChaosUpstream(origin)]
  const peers = [origin, ...upstreams]
  await Promise.all(peers.map(peer => peer.start()))
  const program = await startProgram([
    ...upstreams.map(({ port }) => `Proxy 127.0.0.1:${port}`),
    'NoProxy 127.0.0.1',
    'DirectToLocal yes',
    ...config,
    // Of several the first counts.
    'SessionIdleTimeout 2s',
  ])
  const client = new Client({ port: program.port, socksPort: program.socksPort, origin })
  const stop = async (): Promise<void> => {
    client.close()
    await program.stop()
    await Promise.all(peers.map(peer => peer.stop()))
  }
  return { program, origin, upstreams, client, stop }
}

/** Waits until nothing is open but what stays, and tells what that takes. */
export async function quiet({ program, client }: World): Promise<Usage> {
  client.close()
  let left = 'unknown, the status has no answer'
  await until(
    'nothing to be open',
    async () => {
      const { requestsInProgress, tunnelsOpen, upstreams } = await program.status()
      const sessions = upstreams.map(one => one.sessions)
      left = JSON.stringify({ requestsInProgress, tunnelsOpen, sessions })
      return /:[1-9]/.test(left) ? undefined : true
    },
    SETTLE_MS,
  ).catch((cause: unknown) => {
    throw new Error(`left open: ${left}`, { cause })
  })
  return program.usage()
}
