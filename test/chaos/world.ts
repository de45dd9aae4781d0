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

const SETTLE_MS = 30_000

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

/** Room for what comes and goes by itself, such as the connection that asks for the status. */
const MORE_DESCRIPTORS = 8

/**
 * Waits until nothing is open but what stays, and tells what that takes.
 * @param before what it took earlier; descriptors have to be back at it.
 */
export async function quiet({ program, client }: World, before?: Usage): Promise<Usage> {
  client.close()
  const most = (before?.descriptors ?? Infinity) + MORE_DESCRIPTORS
  let left = 'unknown, the status has no answer'
  const look = async (): Promise<Usage | undefined> => {
    const { requestsInProgress, tunnelsOpen, upstreams } = await program.status()
    const sessions = upstreams.map(one => one.sessions)
    const usage = await program.usage()
    left = JSON.stringify({ requestsInProgress, tunnelsOpen, sessions, ...usage, before })
    const isOpen = [requestsInProgress, tunnelsOpen, ...sessions.flatMap(Object.values)].some(
      Boolean,
    )
    return isOpen || usage.descriptors > most ? undefined : usage
  }
  return until('nothing to be open', look, SETTLE_MS).catch((cause: unknown) => {
    throw new Error(`left open: ${left}`, { cause })
  })
}
