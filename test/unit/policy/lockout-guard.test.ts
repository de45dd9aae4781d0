import t from 'tap'
import { CredentialChoice, type LogonWish } from '../../../src/policy/index.ts'
import { Bench, CHECK, EITHER, MINUTE } from './guard-bench.ts'

/** In minutes: verdicts are immediate here, so this is the least after which a logon is slow. */
const SLOW = 0.2 / 60

const SETTLING: LogonWish = { ...CHECK, settles: true }
const ORIGIN: LogonWish = { ride: true, check: false }
const UNCHECKABLE: LogonWish = { ride: true, check: false, mayRideLast: true }

function proven(budget = 2): Bench {
  const bench = new Bench(budget)
  bench.logOn('accepted', 0)
  return bench
}

t.test(
  'an unproven password has one logon in flight, by a check where there are checks',
  async t => {
    const bench = new Bench()
    t.equal(bench.ask('a', 0), 'check unproven')
    t.equal(bench.ask('b', 0), 'wait')
    t.equal(bench.ask('b', 0, UNCHECKABLE), 'wait')
    bench.report('a', 'not-sent', 0)
    t.equal(
      bench.ask('b', 0, UNCHECKABLE),
      'ride unproven',
      'a logon that was not sent costs nothing',
    )
    t.ok(bench.send('b', 0))
    bench.report('b', 'accepted', 0)
    t.ok(bench.guard.hasProof(0))
  },
)

t.test('while a logon beyond the budget is in flight others wait for it', async t => {
  const bench = proven()
  for (let i = 0; i < 3; i++) bench.logOn('unanswered', 1 + i / 10)
  t.equal(bench.ask('the last exception', 2), 'check unproven')
  t.ok(bench.send('the last exception', 2))
  t.equal(bench.refusedUntil(2), 0)
  t.equal(bench.ask('another', 2), 'wait')
  bench.report('the last exception', 'accepted', 2)
  t.match(bench.ask('another', 2), /^(ride|check)/)
})

t.test('rides never take the last place, which opens when the oldest is slow', async t => {
  for (const budget of [2, 3, 5]) {
    const bench = proven(budget)
    for (let i = 1; i < budget; i++) t.equal(bench.ask(`ride ${i}`, 1), 'ride')
    t.equal(bench.ask('last', 1), 'wait 0.2')
    t.equal(bench.ask('last', 1 + SLOW / 2), 'wait 0.1')
    t.equal(bench.ask('origin', 1, ORIGIN), 'wait')
    t.equal(bench.ask('last', 1 + SLOW), 'check')
    t.equal(bench.ask('more', 2), 'wait', 'the budget is in flight')
    bench.report('last', 'accepted', 2)
    t.equal(bench.ask('last', 2), 'check', 'one after the other gets past the slow ones')
  }
  const one = proven(1)
  t.equal(one.ask('a', 1), 'check')
  t.equal(one.ask('b', 1, UNCHECKABLE), 'wait')
  one.report('a', 'accepted', 1)
  t.equal(one.ask('b', 1, UNCHECKABLE), 'ride')
})

t.test('the last place is for another upstream, or for one that is not silent', async t => {
  const two = proven()
  const at = (upstream: string): LogonWish => {
    return { ...EITHER, at: upstream, others: upstream === 'a' ? ['b'] : ['a'] }
  }
  t.equal(two.ask('slow', 1, at('a')), 'ride')
  t.equal(two.ask('next', 1, at('a')), 'wait 0.2')
  t.equal(two.ask('next', 1 + SLOW, at('a')), 'elsewhere')
  t.equal(two.ask('next', 1 + SLOW, at('b')), 'check')
  t.equal(two.ask('third', 2, at('a')), 'wait', 'where all are slow it waits')

  two.send('slow', 1)
  two.report('slow', 'timed-out', 2, 'elsewhere')
  two.report('next', 'not-sent', 2)
  t.equal(two.ask('again', 2.1, at('a')), 'elsewhere', 'also when it is doubted')
  t.equal(two.ask('again', 2.1, at('b')), 'check unproven')
  two.send('again', 2.1)
  two.report('again', 'accepted', 2.1)
  t.equal(two.ask('again', 2.2, at('a')), 'ride')

  const alone = proven(3)
  t.equal(alone.ask('ride', 1, { ...EITHER, at: 'a' }), 'ride')
  t.equal(alone.ask('check', 1, { ...CHECK, at: 'a' }), 'check')
  t.equal(alone.ask('more', 2, { ...EITHER, at: 'a' }), 'wait', 'it leaves a check unanswered')
  alone.send('ride', 1)
  alone.send('check', 1)
  alone.report('ride', 'refused-late', 2)
  alone.report('check', 'refused-late', 2)
  t.equal(alone.refusedUntil(2), 4, 'an outage ends by itself with a place left')
  t.equal(alone.logOn('accepted', 4), 'none')
})

t.test('a rejected password that never worked waits for its correction', async t => {
  const bench = new Bench()
  t.equal(bench.logOn('refused', 0, 'here'), 'rejected', 'no second check')
  t.equal(bench.refusedUntil(0), 30)
  t.equal(bench.logOn('refused', 29.9), 'refuse')
  t.equal(bench.logOn('refused', 30), 'rejected')
  t.equal(bench.refusedUntil(30), 60)
})

t.test('a refusal of a proven password is settled by a check', async t => {
  const policy = proven()
  t.equal(policy.logOn('refused', 1, 'here', EITHER), 'settle')
  t.equal(policy.guard.hasProof(1), false, 'it is doubted meanwhile')
  t.equal(policy.ask('other', 1), 'wait 30', 'the place that is left is for that')
  t.equal(policy.ask('settling', 1, SETTLING), 'check unproven')
  policy.send('settling', 1)
  policy.report('settling', 'accepted', 1)
  t.ok(policy.guard.hasProof(1))
  t.equal(policy.ask('other', 1), 'wait 30', 'which may take a second check')
  policy.guard.settled()
  t.equal(policy.ask('other', 1), 'ride')
  policy.report('other', 'not-sent', 1)
  t.equal(policy.ledger.charges(1), 0)

  const changed = proven()
  t.equal(changed.logOn('refused', 1, 'elsewhere', EITHER), 'settle')
  t.equal(changed.logOn('refused', 1, 'none', SETTLING), 'rejected')
  t.equal(changed.refusedUntil(1), 31, 'the budget is used up')

  const witness = proven()
  t.equal(witness.logOn('refused', 1, 'elsewhere', EITHER), 'settle')
  t.equal(witness.logOn('accepted', 1, 'none', SETTLING), 'none', 'another upstream accepts it')
  t.equal(witness.logOn('refused-here', 1, 'none', SETTLING), 'none', 'this one refuses its check')
  witness.guard.settled()
  t.ok(witness.guard.hasProof(1), 'which says nothing of the password')
  t.equal(witness.ask('next', 1), 'check', 'and takes a place until it is accepted again')
})

t.test('where no checks are possible another target may have the next try', async t => {
  const bench = proven()
  t.equal(bench.logOn('refused', 1, 'by-other-target', UNCHECKABLE), 'blame-target')
  t.equal(bench.logOn('refused', 1, 'by-other-target', UNCHECKABLE), 'rejected')
  t.equal(bench.refusedUntil(1), 31)
})

t.test('what a larger budget leaves is spread over the window', async t => {
  const bench = proven(5)
  t.equal(bench.logOn('refused', 1), 'rejected')
  for (const minute of [3, 11, 31]) {
    t.equal(bench.refusedUntil(minute - 0.1), minute)
    t.equal(bench.logOn('refused', minute), 'rejected')
  }
  t.equal(bench.refusedUntil(31), 61, 'the last place is kept')
  const outage = proven(3)
  outage.logOn('refused', 1)
  t.equal(outage.logOn('accepted', 3), 'none', 'an outage ends by itself')
  t.ok(outage.guard.hasProof(3))
})

t.test('a logon that was not answered takes its place until an acceptance', async t => {
  const bench = proven()
  t.equal(bench.logOn('unanswered', 1, 'none', EITHER), 'none')
  t.equal(bench.ask('next', 1), 'wait 1', 'an upstream that restarts is given a moment')
  t.equal(bench.ask('next', 1.2), 'check unproven')
  bench.send('next', 1.2)
  bench.report('next', 'accepted', 1.2)
  t.equal(bench.ledger.charges(2), 0)

  const dead = proven()
  dead.logOn('unanswered', 1, 'elsewhere', EITHER)
  t.equal(dead.logOn('unanswered', 1, 'elsewhere'), 'none', 'another upstream is asked at once')
  t.equal(dead.logOn('accepted', 1), 'wait 1')
  t.equal(dead.logOn('accepted', 1.5), 'none', 'it worked a moment ago')

  const unproven = new Bench()
  unproven.logOn('unanswered', 1)
  t.equal(unproven.ask('next', 1), 'wait 10')

  const fresh = new Bench()
  fresh.logOn('unanswered', 1, 'elsewhere')
  fresh.logOn('unanswered', 1, 'elsewhere')
  t.equal(fresh.refusedUntil(1), 31, 'one that never worked waits')
  t.notOk(fresh.guard.wasRejected)
})

t.test('a password that worked lately survives connections that break, not refusals', async t => {
  const bench = proven()
  for (const minute of [1, 2, 3, 4]) t.equal(bench.logOn('unanswered', minute), 'none')
  t.equal(bench.refusedUntil(4), 34, 'two beyond the budget')
  const lucky = proven()
  let minute = 1
  for (let round = 0; round < 5; round++) {
    for (const verdict of ['unanswered', 'unanswered', 'unanswered', 'accepted'] as const)
      t.equal(lucky.logOn(verdict, (minute += 0.1)), 'none', 'an acceptance forgets them')
  }
  const refused = proven()
  refused.logOn('unanswered', 1, 'none', EITHER)
  t.equal(refused.logOn('refused', 2), 'rejected')
  t.equal(refused.refusedUntil(2), 32)
  const old = proven()
  for (const minute of [20, 21]) old.logOn('unanswered', minute)
  t.equal(old.refusedUntil(21), 51, 'and not when it may have been changed meanwhile')
})

t.test('an outage of a domain controller ends by itself, also with the budget used up', async t => {
  const alone = proven()
  t.equal(alone.ask('ride', 1, EITHER), 'ride')
  t.equal(alone.ask('check', 1 + 1 / 60, EITHER), 'check')
  for (const name of ['ride', 'check']) {
    alone.send(name, 1.1)
    alone.report(name, 'timed-out', 1.25, 'here')
  }
  t.equal(alone.refusedUntil(1.25), 3.25)
  t.notOk(alone.guard.wasRejected)
  t.equal(alone.ask('next', 3.25), 'check unproven')
  t.equal(alone.ask('beside', 3.25), 'wait', 'one at a time')
  alone.send('next', 3.25)
  alone.report('next', 'timed-out', 3.5, 'here')
  t.equal(alone.refusedUntil(3.5), 11.5, 'then eight minutes')
  t.equal(alone.logOn('accepted', 11.5), 'none')
  t.equal(alone.ledger.charges(11.5), 0)

  const changed = proven()
  for (const minute of [1, 3]) changed.logOn('timed-out', minute, 'here')
  t.equal(changed.refusedUntil(3), 11)
  t.equal(changed.logOn('refused', 11, 'here'), 'rejected')
  t.equal(changed.refusedUntil(11), 41, 'a refusal ends it')

  const old = proven()
  for (const minute of [16, 18]) old.logOn('timed-out', minute, 'here')
  t.equal(old.refusedUntil(18), 48, 'a password that may have been changed stays within the budget')

  const both = proven()
  for (const minute of [1, 1.25]) both.logOn('timed-out', minute, 'elsewhere')
  t.equal(both.refusedUntil(1.25), 3.25, 'two upstreams that are silent')
})

t.test('a refusal that comes late is no refusal', async t => {
  const alone = proven()
  t.equal(alone.logOn('refused-late', 1, 'here', EITHER), 'none')
  t.equal(alone.refusedUntil(1), 3, 'an outage of a domain controller is given two minutes')
  t.equal(alone.logOn('accepted', 3), 'none')
  const beside = proven()
  beside.logOn('refused-late', 1, 'elsewhere', EITHER)
  t.equal(beside.ask('other upstream', 1), 'check unproven')
  const start = new Bench()
  start.logOn('refused-late', 0)
  t.equal(start.refusedUntil(0), 2, 'also at a start in the outage')
})

t.test('logons under way are stopped when another one is rejected', async t => {
  const bench = proven(3)
  t.equal(bench.ask('a', 1), 'ride')
  t.equal(bench.ask('b', 1), 'ride')
  bench.send('a', 1)
  bench.report('a', 'refused', 1)
  t.notOk(bench.send('b', 1))
  bench.report('b', 'not-sent', 1)
  t.equal(bench.ledger.charges(1), 1)
})

t.test('proof grows stale', async t => {
  const bench = proven()
  t.equal(bench.ask('a', 14.9), 'ride')
  bench.report('a', 'not-sent', 14.9)
  t.equal(bench.ask('b', 15), 'check unproven')
  t.equal(bench.ask('c', 15), 'wait')
})

t.test('an origin that refuses is asked once, and keeps nobody from upstreams', async t => {
  for (const bench of [proven(), new Bench()]) {
    t.ok(bench.guard.mayAskOrigin(1))
    bench.logOn('denied', 1, 'none', ORIGIN)
    t.notOk(bench.guard.mayAskOrigin(1), 'a second one would take the last place')
    t.equal(bench.ask('origin', 1, ORIGIN), 'refuse')
    t.equal(bench.refusedUntil(1), 0)
    t.equal(bench.logOn('accepted', 1), 'none')
    t.ok(bench.guard.mayAskOrigin(1))
  }
})

t.test('a changed password is sent once at once, twice in a window at most', async t => {
  const { ledger } = proven()
  const old = new Bench(2, {}, ledger)
  old.logOn('refused', 1)
  old.guard.unlock(MINUTE)
  old.logOn('refused', 1)
  t.equal(ledger.charges(1), 2, 'the budget is used up')
  const next = (): Bench => new Bench(2, { isChanged: true }, ledger)
  t.equal(next().logOn('refused', 2), 'rejected')
  t.equal(next().logOn('refused', 3), 'rejected')
  t.equal(next().logOn('refused', 4), 'refuse', 'then somebody has to unlock')
  const last = next()
  last.guard.unlock(5 * MINUTE)
  t.equal(last.logOn('accepted', 5), 'none')
})

t.test('a proven password is not held up by the rejections of another one', async t => {
  const right = proven()
  const wrong = new Bench(2, { isChanged: true }, right.ledger)
  wrong.logOn('refused', 1)
  wrong.guard.unlock(MINUTE)
  wrong.logOn('refused', 1)
  t.equal(right.ledger.charges(2), 2)
  t.equal(right.refusedUntil(2), 0)
  t.equal(right.ask('first', 2), 'check')
  t.equal(right.ask('second', 2), 'wait', 'one at a time')
  right.send('first', 2)
  right.report('first', 'accepted', 2)
  t.equal(right.ledger.charges(2), 0)
  t.equal(right.ask('second', 2), 'ride')
})

t.test('after an unlock one logon is made, and nothing follows by itself', async t => {
  const bench = proven(5)
  bench.logOn('refused', 1)
  bench.guard.unlock(MINUTE)
  t.equal(bench.logOn('refused', 1), 'rejected')
  t.equal(bench.refusedUntil(1), 31)
  bench.guard.unlock(MINUTE)
  t.equal(bench.logOn('unanswered', 1), 'none')
  t.equal(bench.refusedUntil(1), 31)
})

t.test('hashes that can be read in two ways', async t => {
  const uncertain = (budget: number): Bench =>
    new Bench(budget, { choice: new CredentialChoice(true, 0, undefined) })
  const right = uncertain(2)
  t.equal(right.logOn('refused', 0), 'other-reading')
  t.equal(right.guard.forecast(0).reading, 'plain')
  t.equal(right.logOn('accepted', 0), 'none')
  const wrong = uncertain(2)
  wrong.logOn('refused', 0)
  t.equal(wrong.logOn('refused', 0), 'rejected')
  t.equal(wrong.refusedUntil(0), Infinity)
  wrong.guard.unlock(0)
  t.equal(wrong.logOn('refused', 60), 'refuse', 'no reading is left')
  const uncheckable = uncertain(2)
  t.equal(uncheckable.logOn('refused', 0, 'by-other-target', UNCHECKABLE), 'other-reading')
  const tight = uncertain(1)
  t.equal(tight.logOn('refused', 0), 'rejected', 'the budget holds back the other reading too')
  t.equal(tight.refusedUntil(0), 30)
  t.equal(tight.logOn('accepted', 30), 'none')
})

t.test('what an earlier process has left', async t => {
  const refused = new Bench(2, { refused: { untilMs: 20 * MINUTE, hadWorked: false } })
  t.equal(refused.logOn('accepted', 0), 'refuse')
  t.equal(refused.logOn('accepted', 20), 'none')
  const held = new Bench()
  held.guard.holdUntil(MINUTE)
  t.equal(held.logOn('accepted', 0), 'refuse')
  t.notOk(held.guard.wasRejected)
  held.guard.unlock(0)
  t.equal(held.logOn('accepted', 0), 'none', 'a person does not have to wait')
})
