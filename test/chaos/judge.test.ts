import { createServer } from 'node:net'
import t from 'tap'
import { open } from './dial.ts'
import { judge } from './judge.ts'
import { close, listen } from './listening.ts'
import type { Attempt, Plan, Seen } from './plan.ts'

const PLAN: Plan = {
  id: 7,
  kind: 'plain-length',
  route: 'upstream',
  fault: undefined,
  upload: 0,
  download: 100,
  method: 'GET',
  version: '1.1',
  uploadFraming: 'length',
  expectContinue: false,
  keepAlive: false,
  cut: 0.5,
}

const SEEN: Seen = {
  failure: undefined,
  received: 100,
  isEqual: true,
  isWhole: true,
  answerOf: undefined,
  left: false,
}

const ATTEMPT: Attempt = {
  uploaded: 0,
  uploadIsEqual: true,
  uploadIsWhole: true,
  clientEnding: undefined,
  sent: 100,
  ended: 'fin',
  done: Promise.resolve(),
}

interface Row {
  readonly name: string
  readonly plan?: Partial<Plan>
  readonly seen?: Partial<Seen>
  readonly attempts?: readonly Partial<Attempt>[]
  readonly verdict: string
}

const ROWS: readonly Row[] = [
  { name: 'everything came', verdict: 'complete' },
  {
    name: 'an answer was cut, and its length tells',
    seen: { received: 40, isWhole: false, failure: 'cut short' },
    attempts: [{ sent: 40 }],
    verdict: 'failed',
  },
  {
    name: 'an answer with a length is short, and told as complete',
    seen: { received: 40 },
    attempts: [{ sent: 40 }],
    verdict: 'violation',
  },
  {
    name: 'an answer until close is short because the origin ended it',
    plan: { kind: 'plain-close' },
    seen: { received: 40 },
    attempts: [{ sent: 40 }],
    verdict: 'complete',
  },
  {
    name: 'an answer until close is shorter than what the origin sent before it ended',
    plan: { kind: 'plain-close' },
    seen: { received: 40 },
    attempts: [{ sent: 60 }],
    verdict: 'violation',
  },
  {
    name: "the origin's reset is told as an end",
    plan: { kind: 'connect' },
    seen: { received: 40 },
    attempts: [{ sent: 40, ended: 'reset' }],
    verdict: 'violation',
  },
  { name: 'other bytes came', seen: { isEqual: false }, verdict: 'violation' },
  { name: "another transfer's answer came", seen: { answerOf: 8 }, verdict: 'violation' },
  { name: 'other bytes went', attempts: [{ uploadIsEqual: false }], verdict: 'violation' },
  {
    name: 'a part of an upload reached the origin as a whole one',
    plan: { upload: 50, method: 'PUT', fault: 'client-resets-mid-upload' },
    seen: { left: true, failure: 'no answer' },
    attempts: [{ uploaded: 20 }],
    verdict: 'violation',
  },
  {
    name: "the client's reset reached the origin as an end",
    plan: { kind: 'connect', upload: 50, fault: 'client-resets-mid-upload' },
    seen: { left: true, isWhole: false },
    attempts: [{ uploaded: 20, uploadIsWhole: false, clientEnding: 'fin' }],
    verdict: 'violation',
  },
  {
    name: 'the client left, and the origin learned it',
    plan: { kind: 'connect', upload: 50, fault: 'client-resets-mid-upload' },
    seen: { left: true, isWhole: false },
    attempts: [{ uploaded: 20, uploadIsWhole: false, clientEnding: 'reset' }],
    verdict: 'left',
  },
  {
    name: 'a POST was executed twice',
    plan: { upload: 50, method: 'POST' },
    attempts: [{ uploaded: 50 }, { uploaded: 50 }],
    verdict: 'violation',
  },
  {
    name: 'a PUT was executed twice',
    plan: { upload: 50, method: 'PUT' },
    attempts: [{ uploaded: 50 }, { uploaded: 50 }],
    verdict: 'complete',
  },
]

for (const { attempts = [{}], name, plan, seen, verdict } of ROWS) {
  t.test(`${name}: ${verdict}`, async t => {
    const { kind } = judge(
      { ...PLAN, ...plan },
      { ...SEEN, ...seen },
      attempts.map(attempt => ({ ...ATTEMPT, ...attempt })),
    )
    t.equal(kind, verdict)
  })
}

t.test('the judge tells a reset from an end, also where data comes with it', async t => {
  let doesReset = false
  const server = await listen(
    createServer({ allowHalfOpen: true }, socket => {
      socket.once('data', () => {
        socket.write('x'.repeat(1_000), () => (doesReset ? socket.resetAndDestroy() : socket.end()))
      })
    }),
  )
  t.teardown(() => close(server))
  const endings = new Set<string>()
  for (let turn = 0; turn < 200; turn++) {
    doesReset = turn % 2 === 0
    const wire = await open(server.port)
    await wire.write('go')
    endings.add(`${doesReset ? 'reset' : 'end'} as ${await wire.drain()}`)
    wire.reset()
  }
  t.same([...endings].sort(), ['end as fin', 'reset as reset'])
})
