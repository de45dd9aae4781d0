import { setTimeout as sleep } from 'node:timers/promises'
import { processorTime, residentMemory } from './accounting.ts'
import { holdTunnels } from './held-tunnels.ts'
import { type LightUpstream, load, type LoadArguments, type Native, startRelay } from './native.ts'
import type { Running, Scene, Subject } from './subjects.ts'

/** What all figures are measured with. */
export interface Laboratory {
  readonly native: Native
  readonly folder: string
  readonly upstream: LightUpstream
  /** A real Squid that demands NTLM of the same account, where there is one. */
  readonly squid: number | undefined
  /** How long a load lasts. */
  readonly seconds: number
  /** How many tunnels are held at most. */
  readonly mostTunnels: number
}

export interface Column {
  readonly key: string
  readonly title: string
  readonly better: 'more' | 'less'
}

export type Values = Readonly<Record<string, number>>

export interface Figure {
  readonly id: string
  readonly title: string
  /** The first one is what subjects are compared by. */
  readonly columns: readonly Column[]
  /** Whether subjects without NTLM take part. */
  readonly withRelays: boolean
  readonly needsSquid?: boolean
  /** @throws Error when one request failed. */
  readonly measure: (subject: Subject, laboratory: Laboratory) => Promise<Values>
}

const RATE = { key: 'rate', better: 'more' } as const
const P50: Column = { key: 'p50', title: 'median ms', better: 'less' }
const P99: Column = { key: 'p99', title: 'p99 ms', better: 'less' }
const CPU = { key: 'cpu', better: 'less' } as const

const MIB = 1024 * 1024
const BULK_BYTES = 1024 * MIB

export function figures(): Figure[] {
  return [
    ...[1, 16, 64].map(clients => gets(clients, 1024)),
    ...[1, 16].map(clients => gets(clients, MIB)),
    delayedAcks(),
    ...[1, 16, 64, 256].map(connects),
    ...([0, 20, 200, 2600] as const).map(verdicts),
    ...(['down', 'up'] as const).flatMap(way => [1, 16].map(tunnels => bulk(tunnels, way))),
    ...[10, 100, 1000, 5000].map(growth),
    memory(),
    ...[10, 20, 40].map(roundTrips),
    blackHole(),
    startUp(),
    squidGets(),
    squidConnects(),
  ]
}

/** Plain requests over kept connections. */
function gets(clients: number, bytes: number): Figure {
  const size = bytes === MIB ? '1 MiB' : '1 KiB'
  return {
    id: `get-${size.replace(' ', '').toLowerCase()}-${clients}`,
    title: `GET of ${size} over kept connections, ${clients} ${clients === 1 ? 'client' : 'clients'}`,
    columns: [{ ...RATE, title: 'requests/s' }, P50, P99, { ...CPU, title: 'CPU us/request' }],
    withRelays: true,
    measure: (subject, laboratory) =>
      underLoad(subject, laboratory, [laboratory.upstream.ntlm], 'get', {
        ...WEB,
        clients,
        bytes,
        path: `/bytes/${bytes}`,
      }),
  }
}

const WEB = { host: 'web.test' }

/** The common case of a peer that answers each segment late: whoever writes a request in two pieces waits 40 ms. */
function delayedAcks(): Figure {
  return {
    id: 'get-delayed-acks',
    title: 'GET of 1 KiB, one client, an upstream that delays its ACKs',
    columns: [P50, P99],
    withRelays: false,
    measure: (subject, laboratory) =>
      underLoad(subject, laboratory, [laboratory.upstream.delayed], 'get', {
        ...WEB,
        clients: 1,
        bytes: 1024,
      }),
  }
}

/** A new connection, a tunnel, one byte there and back. */
function connects(clients: number): Figure {
  return {
    id: `connect-${clients}`,
    title: `CONNECT and one byte back, ${clients} ${clients === 1 ? 'client' : 'clients'}`,
    columns: [{ ...RATE, title: 'tunnels/s' }, P50, P99, { ...CPU, title: 'CPU us/tunnel' }],
    withRelays: true,
    measure: (subject, laboratory) =>
      underLoad(subject, laboratory, [laboratory.upstream.ntlm], 'connect', { clients }),
  }
}

/**
 * What it costs that few logons may be in flight at once: tunnels, each of which needs a new connection, where the verdict on a logon
 * takes long. All subjects but tsntlm send as many AUTHENTICATEs at once as there are clients.
 */
function verdicts(ms: 0 | 20 | 200 | 2600): Figure {
  const clients = 16
  return {
    ...connects(clients),
    id: `verdict-${ms}`,
    title: `CONNECT and one byte back, ${clients} clients, ${ms} ms from an AUTHENTICATE to its verdict`,
    withRelays: false,
    measure: (subject, laboratory) => {
      const { ntlm, slow } = laboratory.upstream
      const upstream = ms === 0 ? ntlm : slow[ms]
      return underLoad(subject, laboratory, [upstream], 'connect', { clients, timeout: 90 })
    },
  }
}

/** Who starts other processes has them by then. */
const IDLE_MS = 1_500

function bulk(tunnels: number, way: 'up' | 'down'): Figure {
  return {
    id: `bulk-${tunnels}-${way}`,
    title: `Bulk data ${way} through ${tunnels} ${tunnels === 1 ? 'tunnel' : 'tunnels'}`,
    columns: [
      { ...RATE, title: 'MB/s' },
      { ...CPU, title: 'CPU ms/GiB' },
    ],
    withRelays: true,
    measure: async (subject, { folder, native, upstream }) => {
      const scene = { native, folder, upstreams: [upstream.ntlm], open: upstream.open }
      return running(subject, scene, async ({ pid, port }) => {
        const bytes = Math.round(BULK_BYTES / (tunnels === 1 ? 1 : tunnels / 2))
        const host = `${way === 'up' ? 'sink' : 'source'}-${bytes}:1`
        const args = { port, clients: tunnels, bytes, host, timeout: 60 }
        await sleep(IDLE_MS)
        // To get warm, which does not count.
        await load(native, 'bulk', args)
        const before = await processorTime(pid)
        const answer = await load(native, 'bulk', args)
        const spent = (await processorTime(pid)) - before
        return {
          rate: answer.bytes / 1e6 / answer.seconds,
          cpu: spent / 1000 / (answer.bytes / (1024 * MIB)),
        }
      })
    },
  }
}

/** How the cost of a request grows with the number of clients. */
function growth(clients: number): Figure {
  return {
    ...gets(clients, 1024),
    id: `growth-${clients}`,
    title: `GET of 1 KiB over kept connections, ${clients} clients at once`,
    withRelays: false,
  }
}

function memory(): Figure {
  const columns = [
    { key: 'perTunnel', title: 'KiB/tunnel', better: 'less' },
    { key: 'idle', title: 'idle MiB', better: 'less' },
    { key: 'with1000', title: 'MiB with 1000', better: 'less' },
    { key: 'withMost', title: 'MiB with most', better: 'less' },
    { key: 'after', title: 'MiB afterwards (40 s at most)', better: 'less' },
    { key: 'most', title: 'most tunnels', better: 'more' },
  ] as const
  return {
    id: 'memory',
    title: 'Resident memory: idle, with idle tunnels that all carry data, and after they left',
    columns,
    withRelays: false,
    measure: async (subject, { folder, mostTunnels, native, upstream }) => {
      const scene = { native, folder, upstreams: [upstream.ntlm], open: upstream.open }
      return running(subject, scene, async ({ pid, port }) => {
        const mebibytes = async (): Promise<number> => (await residentMemory(pid)) / 1024
        await sleep(IDLE_MS)
        const idle = await mebibytes()
        const held = holdTunnels(native, { port, clients: 32, timeout: 5 })
        try {
          await held.open(1000)
          await held.echo()
          const with1000 = await mebibytes()
          await held.open(mostTunnels - 1000)
          await held.echo()
          const withMost = await mebibytes()
          await held.close()
          const after = await settled(mebibytes, idle * 1.1)
          const perTunnel = ((withMost - idle) * 1024) / mostTunnels
          return {
            idle,
            with1000,
            withMost,
            after,
            perTunnel,
            most: mostTunnels,
          }
        } finally {
          held.end()
        }
      })
    },
  }
}

/** How long requests take where the upstream is far away, counted in round trips. */
function roundTrips(rttMs: number): Figure {
  const columns = [
    { key: 'tunnel', title: 'tunnel RTT', better: 'less' },
    { key: 'firstTunnel', title: 'first tunnel RTT', better: 'less' },
    { key: 'get', title: 'GET RTT', better: 'less' },
  ] as const
  return {
    id: `far-${rttMs}`,
    title: `An upstream ${rttMs} ms away: tunnel with one byte back, GET after the first`,
    columns,
    withRelays: false,
    measure: async (subject, laboratory) => {
      const { folder, native, upstream } = laboratory
      const relay = await startRelay(native, upstream.ntlm, rttMs)
      try {
        const scene = { native, folder, upstreams: [relay.port], open: upstream.open }
        return await running(subject, scene, async ({ port }) => {
          const inTrips = (us: number): number => us / 1000 / rttMs
          const tunnels = await load(native, 'connect', { port, clients: 1, count: 12 })
          const requests = await load(native, 'get', {
            ...WEB,
            port,
            clients: 1,
            count: 12,
            bytes: 1024,
          })
          return {
            tunnel: inTrips(tunnels.rest50),
            firstTunnel: inTrips(tunnels.first),
            get: inTrips(requests.rest50),
          }
        })
      } finally {
        await relay.stop()
      }
    },
  }
}

/** The first upstream swallows packets, the second one serves. */
function blackHole(): Figure {
  return {
    id: 'black-hole',
    title: 'The first of two upstreams swallows packets',
    columns: [
      { key: 'first', title: 'first request ms', better: 'less' },
      { key: 'next', title: 'the next ones ms', better: 'less' },
    ],
    withRelays: false,
    measure: async (subject, { folder, native, upstream }) => {
      const upstreams = [upstream.hole, upstream.ntlm]
      return running(
        subject,
        { native, folder, upstreams, open: upstream.open },
        async ({ port }) => {
          const answer = await load(native, 'get', {
            ...WEB,
            port,
            clients: 1,
            count: 4,
            bytes: 1024,
            timeout: 10,
          })
          return { first: answer.first / 1000, next: answer.rest50 / 1000 }
        },
      )
    },
  }
}

function startUp(): Figure {
  return {
    id: 'start',
    title: 'From the start of the process to the first connection that it takes (to 20 ms)',
    columns: [{ key: 'ms', title: 'ms', better: 'less' }],
    withRelays: false,
    measure: async (subject, { folder, native, upstream }) =>
      running(
        subject,
        { native, folder, upstreams: [upstream.ntlm], open: upstream.open },
        ({ startedMs }) => Promise.resolve({ ms: startedMs }),
      ),
  }
}

function squidGets(): Figure {
  return {
    ...gets(16, 1024),
    id: 'squid-get-16',
    title: 'GET of 1 KiB through Squid and ntlm_auth, 16 clients',
    withRelays: false,
    needsSquid: true,
    measure: (subject, laboratory) =>
      underLoad(subject, laboratory, [laboratory.squid ?? 0], 'get', {
        host: `127.0.0.1:${laboratory.upstream.open}`,
        clients: 16,
        bytes: 1024,
      }),
  }
}

function squidConnects(): Figure {
  return {
    ...connects(16),
    id: 'squid-connect-16',
    title: 'CONNECT and one byte back through Squid and ntlm_auth, 16 clients',
    withRelays: false,
    needsSquid: true,
    measure: (subject, laboratory) =>
      underLoad(subject, laboratory, [laboratory.squid ?? 0], 'connect', {
        host: `127.0.0.1:${laboratory.upstream.echo}`,
        clients: 16,
      }),
  }
}

/** A short run that is thrown away, then the one that counts. */
async function underLoad(
  subject: Subject,
  { folder, native, seconds, upstream }: Laboratory,
  upstreams: readonly number[],
  mode: 'get' | 'connect',
  args: LoadArguments,
): Promise<Values> {
  return running(
    subject,
    { native, folder, upstreams, open: upstream.open },
    async ({ pid, port }) => {
      await load(native, mode, { ...args, port, seconds: Math.max(1, seconds / 2) })
      const before = await processorTime(pid)
      const answer = await load(native, mode, { ...args, port, seconds })
      const spent = (await processorTime(pid)) - before
      return {
        rate: answer.done / answer.seconds,
        p50: answer.p50 / 1000,
        p99: answer.p99 / 1000,
        cpu: spent / answer.done,
      }
    },
  )
}

async function running<T>(
  subject: Subject,
  scene: Scene,
  use: (running: Running) => Promise<T>,
): Promise<T> {
  const process = await subject.start(scene)
  try {
    return await use(process)
  } finally {
    await process.stop()
  }
}

/** What is there once a process has given back what it can: engines clean up when nothing happens for a while. */
async function settled(mebibytes: () => Promise<number>, wanted: number): Promise<number> {
  for (let second = 1; ; second++) {
    await sleep(1_000)
    const now = await mebibytes()
    if (now <= wanted || second >= 40) return now
  }
}
