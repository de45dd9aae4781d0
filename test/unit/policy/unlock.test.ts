import t from 'tap'
import {
  CredentialChoice,
  GUARD_DEFAULTS,
  type GuardRecord,
  LockoutGuard,
} from '../../../src/policy/index.ts'

const NOW = 1_700_000_000_000
const MINUTE = 60_000

/** Shows the credential once, if the guard lets it. @returns whether it was shown. */
function show(guard: LockoutGuard, now: number, verdict: 'rejected' | 'accepted' | 'unanswered') {
  if (guard.permit(now).kind !== 'grant') return false
  const shown = guard.mayShow(now)
  guard.report(shown ? verdict : 'not-shown', now)
  return shown
}

t.test('after an unlock a rejected password is shown once, and kept back again', async t => {
  for (const rejections of [1, 2]) {
    const times = Array.from({ length: rejections }, (_, at) => NOW - at * 1000)
    const record: GuardRecord = { rejections: times, pendingSince: undefined }
    const guard = new LockoutGuard(NOW, record, 0)
    t.equal(show(guard, NOW, 'rejected'), false)
    guard.unlock()
    t.equal(show(guard, NOW, 'rejected'), true)
    t.equal(show(guard, NOW, 'rejected'), false)
    t.ok(guard.refusedUntilMs(NOW) >= NOW + 29 * MINUTE)
    guard.unlock()
    guard.unlock()
    t.equal(show(guard, NOW, 'rejected'), true, 'each unlock is one try, two at once are one')
    t.equal(show(guard, NOW, 'rejected'), false)
  }
})

t.test(
  'after an unlock an accepted password is proven, and nothing is held against it',
  async t => {
    const guard = new LockoutGuard(NOW, { rejections: [NOW, NOW], pendingSince: undefined }, 0)
    guard.unlock()
    t.equal(show(guard, NOW, 'accepted'), true)
    t.equal(guard.isProven, true)
    t.strictSame(guard.record.rejections, [])
  },
)

t.test('the one try counts also when nobody answers it', async t => {
  const guard = new LockoutGuard(NOW, { rejections: [NOW], pendingSince: undefined }, 0)
  guard.unlock()
  t.equal(show(guard, NOW, 'unanswered'), true)
  t.equal(show(guard, NOW, 'unanswered'), false)
  t.equal(show(guard, NOW + MINUTE, 'unanswered'), true)
})

t.test('after an unlock no second reading of the hashes follows at once', async t => {
  const choice = new CredentialChoice(true, 0, undefined)
  const guard = new LockoutGuard(NOW, undefined, 0, choice)
  t.equal(show(guard, NOW, 'unanswered'), true)
  t.equal(show(guard, NOW, 'unanswered'), true)
  t.equal(show(guard, NOW, 'rejected'), false)
  guard.unlock()
  t.equal(show(guard, NOW, 'rejected'), true)
  t.equal(show(guard, NOW, 'rejected'), false)
})

t.test('readings that are used up stay so', async t => {
  const record: GuardRecord = {
    rejections: [NOW, NOW],
    pendingSince: undefined,
    readings: { configChangedAt: 0, tried: ['inverted', 'plain'] },
  }
  const choice = new CredentialChoice(true, 0, record.readings)
  const guard = new LockoutGuard(NOW, record, 0, choice)
  t.equal(guard.refusedUntilMs(NOW), Infinity)
  guard.unlock()
  t.equal(guard.refusedUntilMs(NOW), Infinity)
})

t.test('clients that name the same account get nothing of the unlock', async t => {
  const record: GuardRecord = { rejections: [NOW, NOW], pendingSince: undefined }
  const ledger = LockoutGuard.ledgerFrom(record, NOW)
  const choice = new CredentialChoice(false, 0, undefined)
  const own = new LockoutGuard(NOW, record, 0, choice, GUARD_DEFAULTS, ledger)
  const options = { ...GUARD_DEFAULTS, budget: 1 }
  const another = new CredentialChoice(false, NOW, undefined)
  const client = new LockoutGuard(NOW, undefined, NOW, another, options, ledger)
  own.unlock()
  t.equal(show(client, NOW, 'rejected'), false)
  t.equal(show(own, NOW, 'rejected'), true)
})

t.test('what was unlocked and not used is kept back again after a restart', async t => {
  const guard = new LockoutGuard(NOW, { rejections: [NOW, NOW], pendingSince: undefined }, 0)
  guard.unlock()
  t.equal(show(new LockoutGuard(NOW, guard.record, 0), NOW, 'rejected'), false)
})
