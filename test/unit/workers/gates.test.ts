import t from 'tap'
import { Cancellation, NEVER_CANCELLED } from '../../../src/core/index.ts'
import { CredentialChoice, LockoutGuard } from '../../../src/policy/index.ts'
import { GuardGate } from '../../../src/upstream/guard-gate.ts'
import { FakeClock } from '../../harness/fake-clock.ts'
import { linkGate } from './linked-gates.ts'

function start({ workers = 2, isUncertain = false } = {}) {
  const clock = new FakeClock()
  const happened: string[] = []
  const choice = new CredentialChoice(isUncertain, 0, undefined)
  const near = new GuardGate({
    guard: new LockoutGuard(clock.wallMs(), undefined, 0, choice),
    clock,
    account: 'CORP\\alice',
    save: () => undefined,
    onProven: () => happened.push('proven'),
    onTripped: upstream => happened.push(`tripped by ${upstream}`),
    onUnlocked: () => undefined,
    onMisread: upstream => happened.push(`misread by ${upstream}`),
  })
  const linked = Array.from({ length: workers }, () =>
    linkGate(near, clock, { forecast: near.forecast }),
  )
  near.onChange = () => {
    for (const { gate } of linked) gate.learn(near.forecast)
  }
  const [one, other] = linked
  if (one === undefined || other === undefined) throw new Error('two at least')
  return { clock, near, one, other, happened }
}

/** Long enough for a message and its answer. */
async function turns(count = 6): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise(resolve => setImmediate(resolve))
}

t.test('an unproven password is in the hands of one process at a time', async t => {
  const { one, other, happened } = start()
  const pass = await one.gate.enter(NEVER_CANCELLED)
  t.equal(pass.isProven, false)
  let entered = 0
  const waiting = [one, other, other].map(({ gate }) => gate.enter(NEVER_CANCELLED))
  for (const each of waiting) void each.then(() => entered++)
  await turns()
  t.equal(entered, 0)
  await pass.beforeShowing()
  t.equal(pass.report('accepted', 'a:1'), false)
  await turns()
  t.equal(entered, 3)
  for (const each of waiting) t.equal((await each).isProven, true)
  t.ok(other.gate.hasProof, 'the other process has heard of it')
  t.same(happened, ['proven'])
})

t.test('a rejection refuses those who wait and those who come, in all processes', async t => {
  const { clock, one, other, happened } = start()
  const pass = await one.gate.enter(NEVER_CANCELLED)
  const waiting = [one, other].map(({ gate }) => gate.enter(NEVER_CANCELLED))
  await pass.beforeShowing()
  t.equal(await pass.report('rejected', 'a:1'), false)
  const refusal = {
    code: 'AUTH_LOCKED_OUT',
    detail: /^the password of CORP\\alice was rejected by a:1; .* for 1800 s/,
    retryAfterMs: 1_800_000,
  }
  for (const each of waiting) await t.rejects(each, refusal)
  await t.rejects(other.gate.enter(NEVER_CANCELLED), refusal)
  t.notOk(other.gate.isOpen)
  t.same(happened, ['tripped by a:1'])
  clock.advance(31 * 60_000)
  t.ok(other.gate.isOpen)
  t.equal((await other.gate.enter(NEVER_CANCELLED)).isProven, false)
})

t.test('a proven password is asked for once, when it is shown', async t => {
  const { one, other } = start()
  const first = await one.gate.enter(NEVER_CANCELLED)
  await first.beforeShowing()
  void first.report('accepted', 'a:1')
  await turns()
  other.asked.length = 0
  const passes = await Promise.all([0, 1].map(() => other.gate.enter(NEVER_CANCELLED)))
  t.same(other.asked, [])
  const [left, shown] = passes
  void left?.report('not-shown', 'a:1')
  t.same(other.asked, [], 'nobody has to hear of a logon that came to nothing')
  await shown?.beforeShowing()
  void shown?.report('accepted', 'a:1')
  t.same(
    other.asked.map(({ type }) => type),
    ['enter', 'verdict'],
  )
})

t.test('what one process was told, stops the others before they show it', async t => {
  const { one, other } = start()
  const first = await one.gate.enter(NEVER_CANCELLED)
  await first.beforeShowing()
  void first.report('accepted', 'a:1')
  await turns()
  const [here, there] = await Promise.all(
    [one, other].map(({ gate }) => gate.enter(NEVER_CANCELLED)),
  )
  await here?.beforeShowing()
  // On its way to the other process, which does not know it yet.
  const verdict = here?.report('rejected', 'a:1')
  await t.rejects(Promise.resolve(there?.beforeShowing()), { code: 'AUTH_LOCKED_OUT' })
  await verdict
})

t.test('of what a process that ended has shown, nobody will hear', async t => {
  const { clock, near, one, other } = start()
  const left = await one.gate.enter(NEVER_CANCELLED)
  const waiting = other.gate.enter(NEVER_CANCELLED)
  await turns()
  one.desk.close()
  t.equal((await waiting).isProven, false, 'it was not shown, so the next one may try')
  void left.report('not-shown', 'a:1')
  await turns()
  for (let shown = 0; shown < 2; shown++) {
    const pass = shown === 0 ? await waiting : await other.gate.enter(NEVER_CANCELLED)
    await pass.beforeShowing()
    other.desk.close()
  }
  await t.rejects(one.gate.enter(NEVER_CANCELLED), { code: 'AUTH_LOCKED_OUT' })
  t.equal(near.status.state, 'unanswered')
  clock.advance(61_000)
  t.equal((await one.gate.enter(NEVER_CANCELLED)).isProven, false)
})

t.test('who goes away while waiting leaves the queue', async t => {
  const { one, other } = start()
  const pass = await one.gate.enter(NEVER_CANCELLED)
  const gone = new Cancellation()
  const waiting = other.gate.enter(gone)
  const next = other.gate.enter(NEVER_CANCELLED)
  await turns()
  gone.abort()
  await t.rejects(waiting, { code: 'CLIENT_ABORTED' })
  void pass.report('not-shown', 'a:1')
  t.equal((await next).isProven, false)
  await t.rejects(other.gate.enter(gone), { code: 'CLIENT_ABORTED' })
})

t.test('the other reading of the hashes goes out once, from whichever process', async t => {
  const { one, other, happened } = start({ isUncertain: true })
  t.equal(one.gate.reading, 'inverted')
  const first = await one.gate.enter(NEVER_CANCELLED)
  await first.beforeShowing()
  t.equal(await first.report('rejected', 'a:1'), true)
  t.equal(other.gate.reading, 'plain')
  const second = await other.gate.enter(NEVER_CANCELLED)
  await second.beforeShowing()
  t.equal(await second.report('rejected', 'b:2'), false)
  await t.rejects(one.gate.enter(NEVER_CANCELLED), { code: 'AUTH_LOCKED_OUT' })
  t.notOk(one.gate.isOpen)
  t.same(happened, ['misread by a:1', 'tripped by b:2'])
})
