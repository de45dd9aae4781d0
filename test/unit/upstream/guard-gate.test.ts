import t from 'tap'
import {
  AccountLedger,
  CredentialChoice,
  type GuardRecord,
  LockoutGuard,
  LOGON_WINDOW_MS,
} from '../../../src/policy/index.ts'
import { GuardGate, type LogonPass } from '../../../src/upstream/guard-gate.ts'
import { FakeClock } from '../../harness/fake-clock.ts'

const NEVER = new AbortController().signal
const MINUTE = 60_000
const EITHER = { ride: true, check: true }
const CHECK = { ride: false, check: true }

interface StartOptions {
  readonly budget?: number
  readonly isUncertain?: boolean
  readonly ledger?: AccountLedger
  readonly clock?: FakeClock
}

function start({
  budget = 2,
  isUncertain = false,
  ledger,
  clock = new FakeClock(),
}: StartOptions = {}) {
  const saved: GuardRecord[] = []
  const happened: string[] = []
  const gate = new GuardGate({
    guard: new LockoutGuard({
      ledger: ledger ?? new AccountLedger({ budget, windowMs: LOGON_WINDOW_MS }),
      choice: new CredentialChoice(isUncertain, 0, undefined),
    }),
    clock,
    account: 'DEMO\\alice',
    origin: 'here',
    save: one => saved.push(one),
    onProven: () => happened.push('proven'),
    onTripped: (upstream, forMs) => happened.push(`tripped by ${upstream} for ${forMs} ms`),
    onHeld: (upstream, forMs) => happened.push(`held for ${upstream}, ${forMs} ms`),
    onUnlocked: () => happened.push('unlocked'),
    onMisread: upstream => happened.push(`misread, says ${upstream}`),
    onDoubted: upstream => happened.push(`doubted by ${upstream}`),
    onSlow: waitedMs => happened.push(`slow, ${waitedMs} ms`),
  })
  return { gate, clock, saved, happened }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

async function logOn(gate: GuardGate, verdict: 'accepted' | 'refused' | 'unanswered') {
  const pass = await gate.enter(NEVER, CHECK)
  pass.beforeSending()
  return pass.report(verdict, 'p:1')
}

t.test('an unproven credential is in one hand at a time, a proven one in some', async t => {
  const { gate, happened } = start({ budget: 3 })
  const first = await gate.enter(NEVER, EITHER)
  t.same([first.isProven, first.mode], [false, 'check'])
  const entered: LogonPass[] = []
  for (let i = 0; i < 5; i++) void gate.enter(NEVER, EITHER).then(pass => entered.push(pass))
  await turn()
  t.equal(entered.length, 0)
  first.report('not-sent', 'a:1')
  await turn()
  t.equal(entered.length, 1, 'a logon that was not sent lets one more try')
  void entered[0]?.beforeSending()
  void entered[0]?.report('accepted', 'a:1')
  await turn()
  t.same(
    entered.map(({ mode }) => mode),
    ['check', 'ride', 'ride'],
  )
  t.same(happened, ['proven'])
})

t.test('the last place is given when the oldest logon is slow, without anybody asking', async t => {
  const { gate, clock } = start()
  await logOn(gate, 'accepted')
  await gate.enter(NEVER, EITHER)
  let mode: string | undefined
  void gate.enter(NEVER, EITHER).then(pass => (mode = pass.mode))
  clock.advance(199)
  await turn()
  t.equal(mode, undefined)
  clock.advance(1)
  await turn()
  t.equal(mode, 'check')
})

t.test('a rejection refuses all who wait and all who come', async t => {
  const { gate, happened, clock, saved } = start()
  const pass = await gate.enter(NEVER, EITHER)
  const waiting = [gate.enter(NEVER, EITHER), gate.enter(NEVER, EITHER)]
  pass.beforeSending()
  t.match(saved.at(-1), { pendingSince: clock.wallMs() }, 'first on disk, then on the wire')
  pass.report('refused', 'proxy:8080')
  for (const one of [...waiting, gate.enter(NEVER, EITHER)]) {
    await t.rejects(one, {
      code: 'AUTH_LOCKED_OUT',
      message: /DEMO\\alice was rejected by proxy:8080; .* "tsntlm reload"; run "tsntlm unlock"/,
    })
  }
  t.same(happened, [`tripped by proxy:8080 for ${30 * MINUTE} ms`])
  const until = clock.wallMs() + 30 * MINUTE
  t.match(saved.at(-1), {
    rejections: [clock.wallMs()],
    refused: { origin: 'here', until, hadWorked: false },
  })
  t.notOk('pendingSince' in (saved.at(-1) ?? {}))
  clock.advance(30 * MINUTE + 1)
  t.equal((await gate.enter(NEVER, EITHER)).isProven, false)
})

t.test('a verdict counts once, whatever is reported after it', async t => {
  const { gate, happened } = start()
  const pass = await gate.enter(NEVER, EITHER)
  pass.beforeSending()
  pass.report('accepted', 'a:1')
  t.equal(pass.report('refused', 'a:1'), 'none')
  pass.report('not-sent', 'a:1')
  t.same(happened, ['proven'])
  t.ok((await gate.enter(NEVER, EITHER)).isProven)
})

t.test(
  'of several proven logons those that were not sent yet are not, after a rejection',
  async t => {
    const { gate, happened } = start({ budget: 3 })
    await logOn(gate, 'accepted')
    const [first, second] = [await gate.enter(NEVER, EITHER), await gate.enter(NEVER, EITHER)]
    first.beforeSending()
    t.equal(first.report('refused', 'a:1', 'here'), 'settle')
    second.report('not-sent', 'a:1')
    const check = await gate.enter(NEVER, { ...CHECK, settles: true })
    const late = gate.enter(NEVER, CHECK)
    check.beforeSending()
    check.report('refused', 'a:1')
    await t.rejects(late, { code: 'AUTH_LOCKED_OUT' })
    t.same(happened, ['proven', 'doubted by a:1', `tripped by a:1 for ${2 * MINUTE} ms`])
  },
)

t.test('credentials of one account wait for each other', async t => {
  const ledger = new AccountLedger({ budget: 2, windowMs: LOGON_WINDOW_MS })
  const clock = new FakeClock()
  const [one, other] = [start({ ledger, clock }), start({ ledger, clock })]
  const pass = await one.gate.enter(NEVER, EITHER)
  let entered = false
  const waiting = other.gate.enter(NEVER, EITHER)
  void waiting.then(() => (entered = true))
  await turn()
  t.notOk(entered)
  pass.beforeSending()
  pass.report('refused', 'a:1')
  const next = await waiting
  next.beforeSending()
  next.report('refused', 'a:1')
  const third = start({ ledger, clock })
  await t.rejects(third.gate.enter(NEVER, EITHER), { code: 'AUTH_LOCKED_OUT' })
})

t.test('who leaves while waiting is not given the pass', async t => {
  const { gate } = start()
  const pass = await gate.enter(NEVER, EITHER)
  const abort = new AbortController()
  const leaving = gate.enter(abort.signal, EITHER)
  const staying = gate.enter(NEVER, EITHER)
  abort.abort()
  await t.rejects(leaving, { code: 'CLIENT_ABORTED' })
  await t.rejects(gate.enter(abort.signal, EITHER), { code: 'CLIENT_ABORTED' })
  pass.report('not-sent', 'a:1')
  t.equal((await staying).isProven, false)
})

t.test('the other reading of the hashes is in one hand, and the last', async t => {
  const { gate, happened, saved } = start({ isUncertain: true })
  const first = await gate.enter(NEVER, EITHER)
  const waiting = [gate.enter(NEVER, EITHER), gate.enter(NEVER, EITHER)]
  first.beforeSending()
  t.match(saved.at(-1), { readings: { tried: ['inverted'] } }, 'first on disk, then on the wire')
  t.equal(first.report('refused', 'a:1'), 'other-reading')
  const second = await waiting[0]!
  second.beforeSending()
  t.match(saved.at(-1), { readings: { tried: ['inverted', 'plain'] } })
  t.equal(second.report('refused', 'b:2'), 'rejected')
  for (const one of [waiting[1]!, gate.enter(NEVER, EITHER)]) {
    await t.rejects(one, {
      code: 'AUTH_LOCKED_OUT',
      message: /rejected by b:2 in both readings .* until the configuration file is changed$/,
    })
  }
  t.same(happened, ['misread, says a:1', 'tripped by b:2 for Infinity ms'])
  t.equal(gate.unlock(), 'used up')
  t.match(gate.status, { state: 'rejected', until: undefined })
})

t.test('a gate says how it is, and until when', async t => {
  const { gate, clock } = start({ budget: 3 })
  t.match(gate.status, { state: 'unproven', until: undefined, by: undefined })
  await logOn(gate, 'accepted')
  t.match(gate.status, { state: 'proven', text: 'the password was accepted' })
  await logOn(gate, 'refused')
  t.match(gate.status, { state: 'rejected', until: clock.wallMs() + 2 * MINUTE, by: 'p:1' })
  t.match(gate.status.text, /^the password was rejected by p:1; .* for 120 s/)

  const silent = start()
  await logOn(silent.gate, 'unanswered')
  silent.clock.advance(10_000)
  await logOn(silent.gate, 'unanswered')
  t.match(silent.gate.status, { state: 'unanswered', text: /sent without ever being answered/ })
  t.same(silent.happened, [`held for p:1, ${30 * MINUTE} ms`])
})

t.test(
  'verdicts that are slow for the load are told once an hour, with what would help',
  async t => {
    const { gate, clock, happened } = start()
    await logOn(gate, 'accepted')
    for (let hour = 0; hour < 2; hour++) {
      for (let round = 0; round < 3; round++) {
        const held = [await gate.enter(NEVER, EITHER)]
        const [second, third] = [gate.enter(NEVER, EITHER), gate.enter(NEVER, EITHER)]
        clock.advance(2_600)
        held.push(await second)
        for (const pass of held) pass.report('not-sent', 'a:1')
        ;(await third).report('not-sent', 'a:1')
      }
      await logOn(gate, 'accepted')
      clock.advance(14 * MINUTE)
      await logOn(gate, 'accepted')
      for (let quarter = 0; quarter < 4; quarter++) {
        clock.advance(14 * MINUTE)
        await logOn(gate, 'accepted')
      }
    }
    t.same(happened, ['proven', 'slow, 2600 ms', 'slow, 2600 ms'])
    t.match(gate.status.text, /waited up to 3 s for one of the 2 places of LogonBudget/)
  },
)

t.test(
  'an unlock is written down and told; where nothing is held back it does nothing',
  async t => {
    const { gate, saved, happened } = start()
    t.equal(gate.unlock(), 'open')
    await logOn(gate, 'refused')
    await t.rejects(gate.enter(NEVER, EITHER), { code: 'AUTH_LOCKED_OUT' })
    const before = saved.length
    t.equal(gate.unlock(), 'unlocked')
    t.equal(saved.length, before + 1)
    t.notOk('refused' in (saved.at(-1) ?? {}))
    t.equal(happened.at(-1), 'unlocked')
    await logOn(gate, 'refused')
    await t.rejects(gate.enter(NEVER, EITHER), { code: 'AUTH_LOCKED_OUT' })
  },
)
