import t from 'tap'
import { Cancellation, NEVER_CANCELLED } from '../../../src/core/index.ts'
import {
  AccountLedger,
  CredentialChoice,
  LockoutGuard,
  LOGON_WINDOW_MS,
} from '../../../src/policy/index.ts'
import { GuardGate } from '../../../src/upstream/guard-gate.ts'
import { FakeClock } from '../../harness/fake-clock.ts'
import { linkGate } from './linked-gates.ts'

const EITHER = { ride: true, check: true }

function start({ workers = 2, isUncertain = false } = {}) {
  const clock = new FakeClock()
  const happened: string[] = []
  const choice = new CredentialChoice(isUncertain, 0, undefined)
  const near = new GuardGate({
    guard: new LockoutGuard({
      ledger: new AccountLedger({ budget: 2, windowMs: LOGON_WINDOW_MS }),
      choice,
    }),
    clock,
    account: 'CORP\\alice',
    origin: '',
    save: () => undefined,
    onProven: () => happened.push('proven'),
    onTripped: upstream => happened.push(`tripped by ${upstream}`),
    onUnlocked: () => undefined,
    onMisread: upstream => happened.push(`misread by ${upstream}`),
    onDoubted: upstream => happened.push(`doubted by ${upstream}`),
    onSlow: () => undefined,
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
  const pass = await one.gate.enter(NEVER_CANCELLED, EITHER)
  t.equal(pass.isProven, false)
  let entered = 0
  const waiting = [one, other, other].map(({ gate }) => gate.enter(NEVER_CANCELLED, EITHER))
  for (const each of waiting) void each.then(() => entered++)
  await turns()
  t.equal(entered, 0)
  await pass.beforeSending()
  t.equal(pass.report('accepted', 'a:1'), 'none')
  await turns()
  t.equal(entered, 1, 'a proven one in as many as there are places')
  const next = await Promise.race(waiting)
  t.same([next.mode, next.isProven], ['ride', true])
  t.ok(other.gate.hasProof, 'the other process has heard of it')
  t.same(happened, ['proven'])
})

t.test('a rejection refuses those who wait and those who come, in all processes', async t => {
  const { clock, one, other, happened } = start()
  const pass = await one.gate.enter(NEVER_CANCELLED, EITHER)
  const waiting = [one, other].map(({ gate }) => gate.enter(NEVER_CANCELLED, EITHER))
  await pass.beforeSending()
  t.equal(await pass.report('refused', 'a:1'), 'rejected')
  const refusal = {
    code: 'AUTH_LOCKED_OUT',
    detail: /^the password of CORP\\alice was rejected by a:1; .* for 1800 s/,
    retryAfterMs: 1_800_000,
  }
  for (const each of waiting) await t.rejects(each, refusal)
  await t.rejects(other.gate.enter(NEVER_CANCELLED, EITHER), refusal)
  t.notOk(other.gate.isOpen)
  t.same(happened, ['tripped by a:1'])
  clock.advance(31 * 60_000)
  t.ok(other.gate.isOpen)
  t.equal((await other.gate.enter(NEVER_CANCELLED, EITHER)).isProven, false)
})

t.test('the places of a proven password are those of all processes together', async t => {
  const { clock, one, other } = start()
  const first = await one.gate.enter(NEVER_CANCELLED, EITHER)
  await first.beforeSending()
  void first.report('accepted', 'a:1')
  await turns()
  t.equal((await one.gate.enter(NEVER_CANCELLED, EITHER)).mode, 'ride')
  let last: string | undefined
  void other.gate.enter(NEVER_CANCELLED, EITHER).then(pass => (last = pass.mode))
  let more: string | undefined
  void one.gate.enter(NEVER_CANCELLED, EITHER).then(pass => (more = pass.mode))
  await turns()
  t.equal(last, undefined)
  clock.advance(1_001)
  await turns()
  t.equal(last, 'check', 'the last place is for getting past a slow one')
  t.equal(more, undefined)
})

t.test('a refusal tells the process that met it to settle it', async t => {
  const { one, other, happened } = start()
  const first = await one.gate.enter(NEVER_CANCELLED, EITHER)
  await first.beforeSending()
  void first.report('accepted', 'a:1')
  await turns()
  const ride = await other.gate.enter(NEVER_CANCELLED, EITHER)
  await ride.beforeSending()
  t.equal(await ride.report('refused', 'a:1', 'here'), 'settle')
  const check = await other.gate.enter(NEVER_CANCELLED, {
    ride: false,
    check: true,
    settles: true,
  })
  await check.beforeSending()
  t.equal(await check.report('refused', 'a:1'), 'rejected')
  t.same(happened, ['proven', 'doubted by a:1', 'tripped by a:1'])
})

t.test('what one process was told, stops the others before they send it', async t => {
  const { clock, one, other } = start()
  const first = await one.gate.enter(NEVER_CANCELLED, EITHER)
  await first.beforeSending()
  void first.report('accepted', 'a:1')
  await turns()
  const here = await one.gate.enter(NEVER_CANCELLED, EITHER)
  const waiting = other.gate.enter(NEVER_CANCELLED, EITHER)
  await turns()
  clock.advance(1_001)
  const there = await waiting
  await here.beforeSending()
  // On its way to the other process, which does not know it yet.
  const verdict = here.report('refused', 'a:1')
  await t.rejects(Promise.resolve(there.beforeSending()), { code: 'AUTH_LOCKED_OUT' })
  await verdict
})

t.test('of what a process that ended has sent, nobody will hear', async t => {
  const { clock, near, one, other } = start()
  const left = await one.gate.enter(NEVER_CANCELLED, EITHER)
  const waiting = other.gate.enter(NEVER_CANCELLED, EITHER)
  await turns()
  one.desk.close()
  t.equal((await waiting).isProven, false, 'it was not sent, so the next one may try')
  void left.report('not-sent', 'a:1')
  await turns()
  for (let sent = 0; sent < 2; sent++) {
    const next = sent === 0 ? waiting : other.gate.enter(NEVER_CANCELLED, EITHER)
    await turns()
    clock.advance(10_000)
    await (await next).beforeSending()
    other.desk.close()
  }
  await t.rejects(one.gate.enter(NEVER_CANCELLED, EITHER), { code: 'AUTH_LOCKED_OUT' })
  t.equal(near.status.state, 'unanswered')
  clock.advance(30 * 60_000)
  t.equal((await one.gate.enter(NEVER_CANCELLED, EITHER)).isProven, false)
})

t.test('who goes away while waiting leaves the queue', async t => {
  const { one, other } = start()
  const pass = await one.gate.enter(NEVER_CANCELLED, EITHER)
  const gone = new Cancellation()
  const waiting = other.gate.enter(gone, EITHER)
  const next = other.gate.enter(NEVER_CANCELLED, EITHER)
  await turns()
  gone.abort()
  await t.rejects(waiting, { code: 'CLIENT_ABORTED' })
  void pass.report('not-sent', 'a:1')
  t.equal((await next).isProven, false)
  await t.rejects(other.gate.enter(gone, EITHER), { code: 'CLIENT_ABORTED' })
})

t.test('the other reading of the hashes goes out once, from whichever process', async t => {
  const { one, other, happened } = start({ isUncertain: true })
  t.equal(one.gate.reading, 'inverted')
  const first = await one.gate.enter(NEVER_CANCELLED, EITHER)
  await first.beforeSending()
  t.equal(await first.report('refused', 'a:1'), 'other-reading')
  t.equal(other.gate.reading, 'plain')
  const second = await other.gate.enter(NEVER_CANCELLED, EITHER)
  await second.beforeSending()
  t.equal(await second.report('refused', 'b:2'), 'rejected')
  await t.rejects(one.gate.enter(NEVER_CANCELLED, EITHER), { code: 'AUTH_LOCKED_OUT' })
  t.notOk(one.gate.isOpen)
  t.same(happened, ['misread by a:1', 'tripped by b:2'])
})
