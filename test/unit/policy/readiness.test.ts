import t from 'tap'
import {
  decideReadiness,
  type ReadinessFacts,
  type ReadinessOptions,
  type SpareGrade,
  TunnelDemand,
  type UpstreamWays,
} from '../../../src/policy/index.ts'

const WAYS: UpstreamWays = {
  demand: 'always',
  servesChecked: true,
  product: 'other',
  challenges: true,
}
const FACTS: ReadinessFacts = {
  burst: 3,
  quietMs: 0,
  isAvailable: true,
  isProven: true,
  ways: WAYS,
}
const LIMITS: readonly ReadinessOptions['upTo'][] = [
  'off',
  'dialled',
  'authenticated',
  'challenged',
]

type Wish = SpareGrade | 'none'

t.test('how many spares of which grade', async t => {
  type Row = [
    why: string,
    ways: Partial<UpstreamWays>,
    facts: Partial<ReadinessFacts>,
    byLimit: readonly [off: Wish, dialled: Wish, authenticated: Wish, challenged: Wish],
  ]
  const rows: Row[] = [
    ['the usual', {}, {}, ['none', 'dialled', 'authenticated', 'authenticated']],
    ['no demand', {}, { burst: 0 }, ['none', 'none', 'none', 'none']],
    ['marked down', {}, { isAvailable: false }, ['none', 'none', 'none', 'none']],
    ['an unproven password', {}, { isProven: false }, ['none', 'none', 'none', 'none']],
    ['unknown ways', { demand: 'unknown' }, {}, ['none', 'none', 'none', 'none']],
    ['no logon wanted', { demand: 'sometimes' }, {}, ['none', 'dialled', 'dialled', 'dialled']],
    [
      'logged on in vain',
      { servesChecked: false },
      {},
      ['none', 'dialled', 'dialled', 'challenged'],
    ],
    ...(['squid', undefined] as const).map((product): Row => [
      `never parked at ${product ?? 'an unknown one'}`,
      { servesChecked: false, product },
      {},
      ['none', 'dialled', 'dialled', 'dialled'],
    ]),
    [
      'no challenge ahead',
      { servesChecked: false, challenges: false },
      {},
      ['none', 'dialled', 'dialled', 'dialled'],
    ],
    [
      'parked right after traffic alone',
      { servesChecked: false },
      { quietMs: 10_000 },
      ['none', 'dialled', 'dialled', 'dialled'],
    ],
  ]
  for (const [why, ways, facts, byLimit] of rows) {
    for (const [at, upTo] of LIMITS.entries()) {
      const all = { ...FACTS, ...facts, ways: { ...WAYS, ...ways } }
      const { count, grade } = decideReadiness({ upTo, max: 8 }, all)
      t.equal(count === 0 ? 'none' : grade, byLimit[at], `${why}, Warm ${upTo}`)
      t.equal(count, byLimit[at] === 'none' ? 0 : 3)
    }
  }
})

t.test('the number is bounded, and that of parked logons more', async t => {
  const facts = { ...FACTS, burst: 100 }
  t.equal(decideReadiness({ upTo: 'authenticated', max: 8 }, facts).count, 8)
  const ways = { ...WAYS, servesChecked: false }
  const parked = decideReadiness({ upTo: 'challenged', max: 8 }, { ...facts, ways })
  t.match(parked, { grade: 'challenged', count: 4, maxAgeMs: 10_000 })
})

t.test('the demand follows the largest burst of late', async t => {
  const demand = new TunnelDemand()
  t.equal(demand.burst(0), 0)
  t.equal(demand.quietMs(0), Infinity)
  for (const at of [0, 200, 400, 600, 800]) demand.note(at)
  demand.note(5_000)
  for (const [now, burst] of [
    [5_000, 5],
    [19_999, 5],
    [20_000, 3],
    [59_999, 3],
    [60_000, 1],
    [65_000, 0],
  ] as const) {
    t.equal(demand.burst(now), burst, `after ${now} ms`)
  }
  t.equal(demand.quietMs(7_000), 2_000)
})
