import t from 'tap'
import { CredentialChoice, type GuardRecord, LockoutGuard } from '../../../src/policy/index.ts'
import { GuardGate } from '../../../src/upstream/guard-gate.ts'
import { FakeClock } from '../../harness/fake-clock.ts'

const NEVER = new AbortController().signal
const MINUTE = 60_000

function start(record?: GuardRecord, isUncertain = false) {
  const clock = new FakeClock()
  const saved: GuardRecord[] = []
  const happened: string[] = []
  const gate = new GuardGate({
    guard: new LockoutGuard(
      clock.wallMs(),
      record,
      0,
      new CredentialChoice(isUncertain, 0, record?.readings),
    ),
    clock,
    account: 'DEMO\\alice',
    save: one => saved.push(one),
    onProven: () => happened.push('proven'),
    onTripped: (upstream, forMs) => happened.push(`tripped by ${upstream} for ${forMs} ms`),
    onUnlocked: () => happened.push('unlocked'),
    onMisread: upstream => happened.push(`misread, says ${upstream}`),
  })
  return { gate, clock, saved, happened }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

t.test('an unproven credential is in one hand at a time, a proven one in all', async t => {
  const { gate, happened } = start()
  const first = await gate.enter(NEVER)
  t.equal(first.isProven, false)
  let entered = 0
  const others = Array.from({ length: 5 }, () => gate.enter(NEVER))
  for (const other of others) void other.then(() => entered++)
  await turn()
  t.equal(entered, 0)
  first.report('not-shown', 'a:1')
  await turn()
  t.equal(entered, 1, 'a logon that came to nothing lets one more try')
  const second = await others[0]!
  second.beforeShowing()
  second.report('accepted', 'a:1')
  await turn()
  t.equal(entered, 5)
  for (const other of others.slice(1)) t.ok((await other).isProven)
  t.same(happened, ['proven'])
})

t.test('a rejection refuses all who wait and all who come', async t => {
  const { gate, happened, clock, saved } = start()
  const pass = await gate.enter(NEVER)
  const waiting = [gate.enter(NEVER), gate.enter(NEVER)]
  pass.beforeShowing()
  t.match(saved.at(-1), { pendingSince: clock.wallMs() }, 'first on disk, then on the wire')
  pass.report('rejected', 'proxy:8080')
  for (const one of [...waiting, gate.enter(NEVER)]) {
    await t.rejects(one, {
      code: 'AUTH_LOCKED_OUT',
      message: /DEMO\\alice was rejected by proxy:8080/,
    })
  }
  t.same(happened, [`tripped by proxy:8080 for ${30 * MINUTE} ms`])
  t.match(saved.at(-1), { rejections: [clock.wallMs()], pendingSince: undefined })
  clock.advance(30 * MINUTE + 1)
  t.equal((await gate.enter(NEVER)).isProven, false)
})

t.test('a verdict counts once, whatever is reported after it', async t => {
  const { gate, happened } = start()
  const pass = await gate.enter(NEVER)
  pass.beforeShowing()
  pass.report('accepted', 'a:1')
  pass.report('rejected', 'a:1')
  pass.report('not-shown', 'a:1')
  t.same(happened, ['proven'])
  t.ok((await gate.enter(NEVER)).isProven)
})

t.test(
  'of several proven logons the ones that have not shown yet do not, after a rejection',
  async t => {
    const { gate, happened, clock } = start()
    const proof = await gate.enter(NEVER)
    proof.beforeShowing()
    proof.report('accepted', 'a:1')
    const [first, second] = [await gate.enter(NEVER), await gate.enter(NEVER)]
    first.beforeShowing()
    first.report('rejected', 'a:1')
    t.throws(() => second.beforeShowing(), { code: 'AUTH_LOCKED_OUT' })
    second.report('not-shown', 'a:1')
    t.same(
      happened,
      ['proven', `tripped by a:1 for ${MINUTE} ms`],
      'it had worked: a short one first',
    )
    clock.advance(MINUTE + 1)
    t.equal((await gate.enter(NEVER)).isProven, false)
  },
)

t.test('who leaves while waiting is not given the pass', async t => {
  const { gate } = start()
  const pass = await gate.enter(NEVER)
  const abort = new AbortController()
  const leaving = gate.enter(abort.signal)
  const staying = gate.enter(NEVER)
  abort.abort()
  await t.rejects(leaving, { code: 'CLIENT_ABORTED' })
  await t.rejects(gate.enter(abort.signal), { code: 'CLIENT_ABORTED' })
  pass.report('not-shown', 'a:1')
  t.equal((await staying).isProven, false)
})

t.test('what an earlier process learned still holds, and says so in words that fit', async t => {
  const now = new FakeClock().wallMs()
  const rejected = start({ rejections: [now - MINUTE], pendingSince: undefined })
  await t.rejects(rejected.gate.enter(NEVER), {
    code: 'AUTH_LOCKED_OUT',
    message: /was rejected; .* for 1740 s/,
  })
  const unanswered = start()
  for (let round = 0; round < 2; round++) {
    const pass = await unanswered.gate.enter(NEVER)
    pass.beforeShowing()
    pass.report('unanswered', 'a:1')
  }
  await t.rejects(unanswered.gate.enter(NEVER), { message: /was sent without ever being answered/ })
})

t.test('the other reading of the hashes is in one hand, and the last', async t => {
  const { gate, happened, saved } = start(undefined, true)
  const first = await gate.enter(NEVER)
  const waiting = [gate.enter(NEVER), gate.enter(NEVER)]
  first.beforeShowing()
  t.match(saved.at(-1), { readings: { tried: ['inverted'] } }, 'first on disk, then on the wire')
  t.equal(first.report('rejected', 'a:1'), true, 'another logon may follow')
  t.equal(first.report('not-shown', 'a:1'), false)
  const second = await waiting[0]!
  second.beforeShowing()
  t.match(saved.at(-1), { readings: { tried: ['inverted', 'plain'] } })
  t.equal(second.report('rejected', 'b:2'), false)
  for (const one of [waiting[1]!, gate.enter(NEVER)]) {
    await t.rejects(one, {
      code: 'AUTH_LOCKED_OUT',
      message: /rejected by b:2 in both readings .* until the configuration file is changed$/,
    })
  }
  t.same(happened, ['misread, says a:1', 'tripped by b:2 for Infinity ms'])
  await t.rejects(start(saved.at(-1), true).gate.enter(NEVER), {
    message: /was rejected in both readings of its hashes/,
  })
})

t.test('a gate says how it is, and until when', async t => {
  const { gate, clock } = start()
  t.match(gate.status, { state: 'unproven', until: undefined, by: undefined })
  const first = await gate.enter(NEVER)
  first.beforeShowing()
  first.report('accepted', 'p:1')
  t.match(gate.status, { state: 'proven', text: 'the password was accepted' })
  const second = await gate.enter(NEVER)
  second.beforeShowing()
  second.report('rejected', 'p:2')
  t.match(gate.status, { state: 'rejected', until: clock.wallMs() + MINUTE, by: 'p:2' })
  t.match(gate.status.text, /^the password was rejected by p:2; .* for 60 s/)
})

t.test(
  'an unlock is written down and told; where nothing is kept back it does nothing',
  async t => {
    const { gate, saved, happened } = start()
    t.equal(gate.unlock(), 'open')
    const pass = await gate.enter(NEVER)
    pass.beforeShowing()
    pass.report('rejected', 'p:1')
    await t.rejects(gate.enter(NEVER), { code: 'AUTH_LOCKED_OUT' })
    const before = saved.length
    t.equal(gate.unlock(), 'unlocked')
    t.equal(saved.length, before + 1)
    t.equal(happened.at(-1), 'unlocked')
    const again = await gate.enter(NEVER)
    again.beforeShowing()
    again.report('rejected', 'p:1')
    await t.rejects(gate.enter(NEVER), { code: 'AUTH_LOCKED_OUT' })
  },
)

t.test('hashes whose readings are used up cannot be unlocked', async t => {
  const readings = { configChangedAt: 0, tried: ['inverted', 'plain'] } as const
  const { gate } = start({ rejections: [], pendingSince: undefined, readings }, true)
  t.match(gate.status, {
    state: 'rejected',
    until: undefined,
    text: /until the configuration file/,
  })
  t.equal(gate.unlock(), 'used up')
})

t.test('it says whether another password would be shown', async t => {
  const now = new FakeClock().wallMs()
  const cases = [
    [[now - MINUTE], /for 1740 s or until the configuration is mended$/],
    [[now - 2 * MINUTE, now - MINUTE], /for 1740 s, and no other password of it is$/],
  ] as const
  for (const [rejections, detail] of cases) {
    const { gate } = start({ rejections, pendingSince: undefined })
    await t.rejects(gate.enter(NEVER), { code: 'AUTH_LOCKED_OUT', detail })
  }
})
