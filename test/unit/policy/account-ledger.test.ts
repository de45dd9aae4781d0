import t from 'tap'
import {
  CredentialChoice,
  GUARD_DEFAULTS,
  LockoutGuard,
  RejectionLedger,
} from '../../../src/policy/index.ts'

const MINUTE = 60_000
const START = 1_700_000_000_000
const at = (minute: number): number => START + minute * MINUTE

function guardWith(ledger: RejectionLedger): LockoutGuard {
  const choice = new CredentialChoice(false, START, undefined)
  return new LockoutGuard(START, undefined, START, choice, GUARD_DEFAULTS, ledger)
}

function show(guard: LockoutGuard, minute: number): boolean {
  return guard.permit(at(minute)).kind === 'grant' && guard.mayShow(at(minute))
}

t.test('a ledger is full after its budget, until the oldest rejection is forgotten', async t => {
  const ledger = new RejectionLedger([at(0)], GUARD_DEFAULTS)
  t.ok(ledger.hasRoom(at(1), 2))
  ledger.begin()
  t.notOk(ledger.hasRoom(at(1), 2), 'one on its way may be rejected too')
  ledger.settle()
  ledger.add(at(2))
  t.notOk(ledger.hasRoom(at(3), 2))
  t.equal(ledger.freeAt(2), at(30))
  t.notOk(ledger.isEmpty(at(3)))
  t.ok(ledger.hasRoom(at(31), 2))
  t.ok(ledger.isEmpty(at(33)))
  ledger.clear()
  t.equal(ledger.freeAt(2), 0)
})

t.test('what several credentials of an account are refused counts together', async t => {
  const ledger = new RejectionLedger([], GUARD_DEFAULTS)
  const [first, second, third] = [guardWith(ledger), guardWith(ledger), guardWith(ledger)]
  t.ok(show(first, 0))
  first.report('rejected', at(0))
  t.ok(show(second, 1))
  second.report('rejected', at(1))
  t.notOk(show(third, 2))
  t.equal(third.refusedUntilMs(at(2)), at(30))
  t.ok(show(third, 31))
})

t.test('two unproven credentials of an account may be on their way, a third one waits', async t => {
  const ledger = new RejectionLedger([], GUARD_DEFAULTS)
  const guards = Array.from({ length: 3 }, () => guardWith(ledger))
  t.same(
    guards.map(guard => show(guard, 0)),
    [true, true, false],
  )
  guards[0]?.report('accepted', at(0))
  t.equal(ledger.freeAt(2), 0)
})

t.test(
  'a credential that works goes on working while others of its account are refused',
  async t => {
    const ledger = new RejectionLedger([], GUARD_DEFAULTS)
    const good = guardWith(ledger)
    t.ok(show(good, 0))
    good.report('accepted', at(0))
    for (const minute of [1, 2]) {
      const bad = guardWith(ledger)
      t.ok(show(bad, minute))
      bad.report('rejected', at(minute))
    }
    t.same(good.permit(at(3)), { kind: 'grant', proven: true })
    good.report('not-shown', at(3))
    t.match(good.permit(at(16)), { kind: 'refuse' }, 'its proof is too old by then')
  },
)

t.test(
  'an origin that denies makes a proven password unproven, and is not asked without end',
  async t => {
    const guard = guardWith(new RejectionLedger([], GUARD_DEFAULTS))
    t.ok(show(guard, 0))
    guard.report('accepted', at(0))
    for (const minute of [1, 2]) {
      t.ok(guard.mayAskOrigin(at(minute)))
      t.ok(show(guard, minute))
      guard.report('denied', at(minute))
      t.equal(guard.hasProof(at(minute)), false)
      t.equal(guard.refusedUntilMs(at(minute)), 0, 'it is no rejection')
    }
    t.notOk(guard.mayAskOrigin(at(3)))
    t.match(guard.permit(at(3)), { kind: 'grant', proven: false })
    guard.report('accepted', at(3))
    t.ok(guard.mayAskOrigin(at(4)))
    t.ok(guard.hasProof(at(4)))
  },
)

t.test('an origin that denies a password which never worked has rejected it', async t => {
  const ledger = new RejectionLedger([], GUARD_DEFAULTS)
  const guard = guardWith(ledger)
  t.ok(show(guard, 0))
  guard.report('denied', at(0))
  t.equal(ledger.times.length, 1)
  t.equal(guard.refusedUntilMs(at(1)), at(30))
})
