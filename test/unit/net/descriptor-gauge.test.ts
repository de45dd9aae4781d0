import t from 'tap'
import { DescriptorGauge, sparingDialer } from '../../../src/net/index.ts'

/** A process with so many descriptors in use, from 0 on. */
function makeTable(limit: number) {
  const inUse = new Set<number>()
  const looks = { lowest: 0, count: 0 }
  const lowestFree = (): number | undefined => {
    let fd = 0
    while (inUse.has(fd)) fd++
    return fd < limit ? fd : undefined
  }
  const gauge = new DescriptorGauge(limit, {
    lowestFree: () => {
      looks.lowest++
      return lowestFree()
    },
    count: () => {
      looks.count++
      return inUse.size
    },
  })
  /** As the system does it. @returns whether there was one. */
  const take = (): boolean => {
    const fd = lowestFree()
    if (fd !== undefined) inUse.add(fd)
    return fd !== undefined
  }
  /** Accepts, and gives the descriptor back where the gauge says no. */
  const accept = (): 'stays' | 'refused' | 'lost unseen' => {
    const fd = lowestFree()
    if (!take()) return 'lost unseen'
    if (gauge.mayAccept()) return 'stays'
    inUse.delete(fd ?? -1)
    return 'refused'
  }
  return { accept, gauge, inUse, looks, take }
}

t.test('no connection is lost unseen, however clients come and dial', async t => {
  for (const limit of [64, 128, 1_024, 4_096]) {
    const { accept, gauge, inUse, take } = makeTable(limit)
    const seen = { stays: 0, refused: 0, 'lost unseen': 0, 'failed dial': 0 }
    // Holes in the table, from connections that have ended, say nothing about how many are free.
    for (let at = 0; at < limit * 4; at++) {
      seen[accept()]++
      if (gauge.mayDial() && !take()) seen['failed dial']++
      if (at % 7 === 0) inUse.delete((at * 13) % limit)
    }
    t.match(seen, { 'lost unseen': 0, 'failed dial': 0 })
    t.ok(seen.refused > 0)
    t.ok(inUse.size < limit)
  }
})

t.test('what dialling leaves free is less than what accepting does', async t => {
  const { gauge, take } = makeTable(128)
  while (gauge.mayAccept()) take()
  t.ok(gauge.mayDial(), 'who is in finds his way')
  while (gauge.mayDial()) take()
  t.ok(take(), 'and files can be opened')
})

t.test('where many are free, few looks are made', async t => {
  const { accept, looks } = makeTable(65_536)
  for (let at = 0; at < 4_000; at++) accept()
  t.strictSame(looks, { lowest: 1, count: 1 })
})

t.test('where the limit is not known there is none', async t => {
  const { looks } = makeTable(10)
  const gauge = new DescriptorGauge(Infinity)
  t.ok(gauge.mayAccept() && gauge.mayDial())
  t.strictSame(looks, { lowest: 0, count: 0 })
})

t.test('a dial that would take one of the last fails as one without a descriptor', async t => {
  const { gauge, take } = makeTable(16)
  const dialled: string[] = []
  const dialer = sparingDialer(
    {
      dial: async ({ host }) => {
        dialled.push(host)
        throw new Error('nobody there')
      },
    },
    gauge,
  )
  const to = { host: 'a', port: 1 }
  const { signal } = new AbortController()
  await t.rejects(dialer.dial(to, { signal }), { message: 'nobody there' })
  while (take()) continue
  await t.rejects(dialer.dial(to, { signal }), { code: 'NO_DESCRIPTORS', detail: 'a:1' })
  t.strictSame(dialled, ['a'])
})
