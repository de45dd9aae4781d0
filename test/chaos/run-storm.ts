import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Duration, goodClients, type Phase, phase } from './good-clients.ts'
import { misbehave } from './misbehaviour.ts'
import type { Program, Usage } from './program.ts'
import type { Storm } from './storms.ts'
import { quiet, startWorld, type World } from './world.ts'

export interface Durations {
  readonly calm: Duration
  readonly stormy: Duration
}

export interface StormReport {
  /** What somebody else than the storm's own clients had to suffer; nothing when all is well. */
  readonly harm: readonly string[]
  /** The good clients alone, and in the storm; undefined when it did not come to that. */
  readonly calm: Phase | undefined
  readonly stormy: Phase | undefined
  /** When all was closed before and after the storm. */
  readonly before: Usage | undefined
  readonly after: Usage | undefined
  /** The most memory that was seen, in MiB. */
  readonly peak: number
}

/** In MiB for each process. Beyond it the program is ended, for the sake of the machine. */
const MOST_MEMORY = 400
const SAMPLE_MS = 200

/** One storm beside the good clients, with a program of its own. */
export async function runStorm(
  storm: Storm,
  workers: number,
  durations: Durations,
): Promise<StormReport> {
  // Sessions made ahead come and go by themselves, and would hide what is left open.
  const config = [
    ...(storm.config ?? []),
    `Workers ${workers}`,
    'Warm off',
    'SessionIdleTimeout 500ms',
  ]
  const world = await startWorld(config)
  for (const upstream of world.upstreams) upstream.override = misbehave
  const processes = workers === 1 ? 1 : workers + 1
  const over = new AbortController()
  const watching = watch(world.program, processes * MOST_MEMORY, over)
  try {
    const phases = await runPhases(world, storm, durations, over.signal)
    over.abort()
    const { harm, peak } = await watching
    // When it ended, that explains all the rest.
    return { ...phases, peak, harm: harm.length > 0 ? harm : phases.harm }
  } finally {
    over.abort()
    await world.stop()
  }
}

/** No phase follows one in which somebody was harmed. */
async function runPhases(
  world: World,
  storm: Storm,
  durations: Durations,
  over: AbortSignal,
): Promise<Omit<StormReport, 'peak'>> {
  const works = goodClients(world)
  const probes = storm.probe === undefined ? [] : [storm.probe(world)]
  let calm, stormy, before, after
  const harm: string[] = []
  try {
    calm = await phase(works, durations.calm, over)
    harm.push(...errorsOf('before the storm', calm))
    before = await quiet(world)
    const storming = new AbortController()
    const signal = AbortSignal.any([over, storming.signal])
    setMaxListeners(0, signal)
    const blowing = storm.blow(world, signal)
    stormy = await phase([...works, ...probes], durations.stormy, over)
    harm.push(...errorsOf('in the storm', stormy))
    storming.abort()
    await blowing
    if (harm.length === 0)
      harm.push(...errorsOf('after the storm', await phase(works, durations.calm, over)))
    if (harm.length === 0) after = await quiet(world, before)
  } catch (error) {
    harm.push(error instanceof Error ? error.message : String(error))
  }
  if (harm.length > 0) world.program.kill()
  return { harm, calm, stormy, before, after }
}

function errorsOf(when: string, { errors }: Phase): string[] {
  return [...errors].map(([what, times]) => `${when}: ${what} (${times} times)`)
}

/** Until all is over: whether the program lives, and what memory it takes. */
async function watch(
  program: Program,
  most: number,
  over: AbortController,
): Promise<{ harm: string[]; peak: number }> {
  const harm: string[] = []
  let peak = 0
  const isOver = (): boolean => over.signal.aborted
  while (!isOver()) {
    peak = Math.max(peak, (await program.usage()).memory)
    if (peak > most) {
      harm.push(`it took ${peak} MiB of memory`)
      program.kill()
    }
    const ended = program.ended()
    // Not when it was ended because of what the clients had suffered.
    if (ended !== undefined && harm.length === 0 && !isOver()) harm.push(ended)
    if (harm.length > 0) over.abort()
    await sleep(SAMPLE_MS)
  }
  return { harm, peak }
}
