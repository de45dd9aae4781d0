import t from 'tap'
import { AccountLedger, LOGON_WINDOW_MS } from '../../../src/policy/index.ts'

const MINUTE = 60_000
const LIMITS = { budget: 2, windowMs: LOGON_WINDOW_MS }

function rejected(ledger: AccountLedger, minute: number): void {
  const logon = ledger.begin('check', minute * MINUTE)
  ledger.send(logon)
  ledger.charge(logon, minute * MINUTE)
}

t.test('logons in flight and rejections together stay below the budget', async t => {
  const ledger = new AccountLedger(LIMITS)
  t.equal(ledger.places(0), 2)
  const ride = ledger.begin('ride', 0)
  t.equal(ledger.places(0), 1, 'one in flight may be rejected too')
  t.equal(ledger.checksInFlight, 0)
  const check = ledger.begin('check', 5)
  t.same([ledger.places(5), ledger.inFlight, ledger.checksInFlight], [0, 2, 1])
  t.equal(ledger.oldestBegunAt, 0)
  ledger.release(check)
  ledger.charge(ride, 10)
  t.same([ledger.places(10), ledger.charges(10), ledger.inFlight], [1, 1, 0])
  t.equal(ledger.places(10, 1), 0, 'some may use a part of it only')
  t.notOk(ledger.isEmpty(10))
})

t.test('rejections count until a whole window has passed without one', async t => {
  const ledger = new AccountLedger(LIMITS)
  rejected(ledger, 0)
  rejected(ledger, 20)
  t.equal(ledger.charges(49 * MINUTE), 2, 'Active Directory goes by the last one')
  t.equal(ledger.forgottenAt(20 * MINUTE), 50 * MINUTE)
  t.equal(ledger.charges(50 * MINUTE), 0)
  t.equal(ledger.forgottenAt(50 * MINUTE), 0)
  t.ok(ledger.isEmpty(50 * MINUTE))
})

t.test('an acceptance forgets what was known before its AUTHENTICATE was sent', async t => {
  const ledger = new AccountLedger({ ...LIMITS, budget: 5 })
  rejected(ledger, 0)
  const [good, bad] = [ledger.begin('ride', 1), ledger.begin('ride', 1)]
  ledger.send(good)
  ledger.send(bad)
  ledger.charge(bad, 2)
  ledger.clear(good)
  t.equal(ledger.charges(2), 1, 'of two that overlap nobody knows which one was looked at first')
  const later = ledger.begin('check', 3)
  ledger.send(later)
  ledger.clear(later)
  t.equal(ledger.charges(3), 0)
})

t.test('two logons in a window may go beyond the budget', async t => {
  const ledger = new AccountLedger(LIMITS)
  t.ok(ledger.hasException(0))
  ledger.takeException(0)
  ledger.takeException(10 * MINUTE)
  t.notOk(ledger.hasException(29 * MINUTE))
  t.ok(ledger.hasException(30 * MINUTE))
})

t.test('the record is by the wall clock, and a clock that was set back adds no time', async t => {
  const ledger = new AccountLedger(LIMITS)
  rejected(ledger, 1)
  ledger.takeException(2 * MINUTE)
  const wall = 1_700_000_000_000
  const record = ledger.record(5 * MINUTE, wall)
  t.same(record, { rejections: [wall - 4 * MINUTE], exceptions: [wall - 3 * MINUTE] })

  const next = AccountLedger.from(LIMITS, record, 0, wall + 6 * MINUTE)
  t.equal(next.charges(0), 1)
  t.equal(next.forgottenAt(0), 20 * MINUTE, 'ten minutes old by now')
  const day = 24 * 60 * MINUTE
  const setBack = AccountLedger.from(LIMITS, record, 0, wall - day)
  t.equal(setBack.forgottenAt(0), 30 * MINUTE)
})

t.test('each waiter is called once for each wake', async t => {
  const ledger = new AccountLedger(LIMITS)
  const calls: string[] = []
  ledger.onceFreed(() => {
    calls.push('first')
    ledger.onceFreed(() => calls.push('second'))
  })
  ledger.wake()
  t.same(calls, ['first'])
  ledger.wake()
  ledger.wake()
  t.same(calls, ['first', 'second'])
})

t.test('by hand one place is made, and no more', async t => {
  const ledger = new AccountLedger({ ...LIMITS, budget: 3 })
  for (const minute of [0, 1, 2]) rejected(ledger, minute)
  ledger.makePlace(3 * MINUTE)
  t.equal(ledger.places(3 * MINUTE), 1)
  ledger.makePlace(3 * MINUTE)
  t.equal(ledger.places(3 * MINUTE), 1)
})
