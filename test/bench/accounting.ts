import { readdir, readFile } from 'node:fs/promises'

/** What the kernel counts processor time in: USER_HZ is 100 wherever node runs on Linux. */
const MICROSECONDS_PER_TICK = 10_000

/** Processor time of a process, its threads and its living children so far, in microseconds. */
export async function processorTime(pid: number): Promise<number> {
  const times = await Promise.all((await family(pid)).map(ownTime))
  return times.reduce((sum, time) => sum + time, 0)
}

/** Memory of a process and its children that is in RAM, in KiB. */
export async function residentMemory(pid: number): Promise<number> {
  const sizes = await Promise.all(
    (await family(pid)).map(async one => {
      const status = await readFile(`/proc/${one}/status`, 'utf8').catch(() => '')
      return Number(/^VmRSS:\s+([0-9]+) kB/m.exec(status)?.[1] ?? 0)
    }),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** A process and those below it. */
export async function family(pid: number): Promise<number[]> {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => [])
  const lists = await Promise.all(
    tasks.map(task => readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '')),
  )
  const children = lists.flatMap(list => list.split(' ').filter(Boolean).map(Number))
  const below = await Promise.all(children.map(family))
  return [pid, ...below.flat()]
}

/** utime and stime of proc(5); the program's name before them may hold spaces. */
async function ownTime(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * MICROSECONDS_PER_TICK
}
