import t from 'tap'
import { ClientShares } from '../../../src/upstream/client-shares.ts'
import { WaitingLine } from '../../../src/upstream/waiting-line.ts'

const one = (client: string, name: number) => ({ client, name })
const anyOne = (): boolean => true

t.test('clients have turns, each with its own in their order', async t => {
  const line = new WaitingLine<ReturnType<typeof one>>()
  for (const [client, count] of [
    ['a', 4],
    ['b', 2],
    ['c', 1],
  ] as const)
    for (let name = 1; name <= count; name++) line.add(one(client, name))
  const served: string[] = []
  while (line.size > 0) {
    const next = line.find(anyOne)
    if (next === undefined) break
    served.push(`${next.client}${next.name}`)
    line.serve(next)
    if (served.length === 2) line.add(one('d', 1))
  }
  t.equal(served.join(' '), 'a1 b1 c1 a2 b2 d1 a3 a4')
})

t.test(
  'who does not fit keeps its place, and who leaves takes no turn from its client',
  async t => {
    const line = new WaitingLine<ReturnType<typeof one>>()
    const [a1, a2, b1] = [one('a', 1), one('a', 2), one('b', 1)]
    for (const each of [a1, a2, b1]) line.add(each)
    t.equal(
      line.find(({ name }) => name === 2),
      a2,
    )
    t.equal(
      line.find(({ client }) => client === 'b'),
      b1,
    )
    t.equal(
      line.find(() => false),
      undefined,
    )
    t.equal(line.size, 3)
    t.ok(line.remove(a1))
    t.notOk(line.remove(a1))
    t.equal(line.find(anyOne), a2)
    t.same(line.list(), [a2, b1])
  },
)

t.test(
  'the newest of the client with most gives way, of the one that came where they are even',
  async t => {
    const line = new WaitingLine<ReturnType<typeof one>>()
    const add = (client: string, name: number) => {
      const added = one(client, name)
      line.add(added)
      return added
    }
    const [a1, b1] = [add('a', 1), add('b', 1)]
    t.equal(line.excessAfter(a1), a1)
    t.equal(line.excessAfter(b1), b1)
    const a2 = add('a', 2)
    t.equal(line.excessAfter(b1), a2)
    t.equal(line.excessAfter(add('c', 1)), a2)
  },
)

t.test(
  'a client may have seven times what it leaves free, and one session in any case',
  async t => {
    const most = (sessions: number, others = 0): number => {
      const shares = new ClientShares(sessions)
      let held = 0
      while (held + others < sessions && shares.mayTake('a', held + others)) {
        shares.take('a')
        held++
      }
      return held
    }
    const alone: [sessions: number, most: number][] = [
      [1, 1],
      [2, 1],
      [4, 3],
      [8, 7],
      [64, 56],
      [512, 448],
    ]
    for (const [sessions, expected] of alone) t.equal(most(sessions), expected, String(sessions))
    t.equal(most(64, 56), 7, 'of what another one leaves')
    t.equal(most(64, 63), 1, 'of the last one')
  },
)

t.test(
  'what was given back does not count, and clients that have nothing are forgotten',
  async t => {
    const shares = new ClientShares(2)
    const share = shares.take('a')
    t.notOk(shares.mayTake('a', 1))
    share.held--
    t.ok(shares.mayTake('a', 1))
    for (let n = 0; n < 10_000; n++) shares.take(`client ${n}`).held--
    shares.take('a')
    for (let n = 0; n < 10_000; n++) shares.take(`other ${n}`).held--
    t.notOk(shares.mayTake('a', 1), 'one that has something is not')
  },
)
