import t from 'tap'
import { CredentialChoice } from '../../../src/policy/credential-choice.ts'
import {
  type GuardRecord,
  LockoutGuard,
  type LogonVerdict,
} from '../../../src/policy/lockout-guard.ts'

const MINUTE = 60_000
/** Unix time of minute 0 of every table. */
const START = 1_700_000_000_000

const at = (minute: number): number => START + minute * MINUTE

/** Minutes since the start, for messages. */
const minuteOf = (ms: number): number => (ms - START) / MINUTE

/** What is done to the guard, and what it must answer where that is a question. */
type Step =
  | [minute: number, action: 'permit', answer: string]
  | [minute: number, action: 'show', answer: boolean]
  | [minute: number, action: LogonVerdict]

function permitOf(guard: LockoutGuard, minute: number): string {
  const permit = guard.permit(at(minute))
  if (permit.kind === 'grant') return permit.proven ? 'grant proven' : 'grant'
  return permit.kind === 'refuse' ? `refuse until ${minuteOf(permit.untilMs)}` : 'wait'
}

function play(test: Pick<typeof t, 'equal'>, guard: LockoutGuard, steps: readonly Step[]): void {
  for (const [minute, action, answer] of steps) {
    const label = `${action} at minute ${minute}`
    if (action === 'permit') test.equal(permitOf(guard, minute), answer, label)
    else if (action === 'show') test.equal(guard.mayShow(at(minute)), answer, label)
    else guard.report(action, at(minute))
  }
}

function freshGuard(): LockoutGuard {
  return new LockoutGuard(START, undefined, 0)
}

/** A guard of the next process, which reads what the one before has left. */
function afterRestart(minute: number, record: GuardRecord, configChanged = -1): LockoutGuard {
  return new LockoutGuard(at(minute), record, at(configChanged))
}

function rejectedAt(...minutes: number[]): GuardRecord {
  return { rejections: minutes.map(at), pendingSince: undefined }
}

const logon = (minute: number, verdict: LogonVerdict): Step[] => [
  [minute, 'permit', 'grant'],
  [minute, 'show', true],
  [minute, verdict],
]

t.test('tables over time', async t => {
  const tables: Record<string, Step[]> = {
    'an unproven credential has one logon in flight, the others wait': [
      [0, 'permit', 'grant'],
      [0, 'permit', 'wait'],
      [0, 'show', true],
      [1, 'permit', 'wait'],
      [1, 'accepted'],
      [1, 'permit', 'grant proven'],
      [1, 'permit', 'grant proven'],
      [1, 'permit', 'grant proven'],
    ],
    'a logon that came to nothing makes room for the next': [
      [0, 'permit', 'grant'],
      [0, 'permit', 'wait'],
      [0, 'not-shown'],
      [0, 'permit', 'grant'],
      [0, 'permit', 'wait'],
    ],
    'a rejected credential is not shown until the cool-down is over, then once': [
      ...logon(0, 'rejected'),
      [0, 'permit', 'refuse until 30'],
      [0, 'show', false],
      [29.999, 'permit', 'refuse until 30'],
      [30, 'permit', 'grant'],
      [30, 'permit', 'wait'],
      [30, 'show', true],
      [30, 'rejected'],
      [30, 'permit', 'refuse until 60'],
      [60, 'permit', 'grant'],
    ],
    'an acceptance after the cool-down forgets everything': [
      ...logon(0, 'rejected'),
      ...logon(30, 'accepted'),
      [31, 'permit', 'grant proven'],
      [31, 'rejected'],
      [31, 'permit', 'refuse until 32'],
    ],
    'proof grows stale: one logon in flight again': [
      ...logon(0, 'accepted'),
      [14.999, 'permit', 'grant proven'],
      [14.999, 'accepted'],
      // Renewed by the last acceptance.
      [29, 'permit', 'grant proven'],
      [29, 'not-shown'],
      [30, 'permit', 'grant'],
      [30, 'permit', 'wait'],
      [30, 'show', true],
      [30, 'accepted'],
      [30, 'permit', 'grant proven'],
    ],
    'what had worked is rejected: a short cool-down first, the long one after that': [
      ...logon(0, 'accepted'),
      [5, 'permit', 'grant proven'],
      [5, 'show', true],
      [5, 'rejected'],
      [5, 'permit', 'refuse until 6'],
      ...logon(6, 'rejected'),
      // The budget of two in half an hour counts from the first.
      [6, 'permit', 'refuse until 36'],
      [36, 'permit', 'grant'],
    ],
    'logons under way with proof are stopped by the rejection of another': [
      ...logon(0, 'accepted'),
      [1, 'permit', 'grant proven'],
      [1, 'permit', 'grant proven'],
      [1, 'permit', 'grant proven'],
      [1, 'show', true],
      [1, 'rejected'],
      [1, 'show', false],
      [1, 'not-shown'],
      [1, 'permit', 'refuse until 2'],
      // The third one is still on its way when the short cool-down ends: it is the one in flight.
      [2, 'permit', 'wait'],
      [2, 'show', true],
      [2, 'rejected'],
      [2, 'permit', 'refuse until 32'],
    ],
    'two shown at once and both rejected use up the budget': [
      ...logon(0, 'accepted'),
      [1, 'permit', 'grant proven'],
      [1, 'permit', 'grant proven'],
      [1, 'show', true],
      [1, 'show', true],
      [1, 'rejected'],
      [1, 'rejected'],
      [1, 'permit', 'refuse until 31'],
    ],
    'an upstream that never answers: the second time in a row is cooled down, and longer each time':
      [
        ...logon(0, 'unanswered'),
        ...logon(0, 'unanswered'),
        [0, 'permit', 'refuse until 1'],
        ...logon(1, 'unanswered'),
        [1, 'permit', 'refuse until 3'],
        ...logon(3, 'unanswered'),
        [3, 'permit', 'refuse until 7'],
        ...logon(7, 'unanswered'),
        ...logon(15, 'unanswered'),
        ...logon(31, 'unanswered'),
        [31, 'permit', 'refuse until 61'],
        ...logon(61, 'accepted'),
        [61, 'permit', 'grant proven'],
      ],
    'an acceptance ends the count of the unanswered ones': [
      ...logon(0, 'unanswered'),
      ...logon(0, 'accepted'),
      ...[1, 2, 3].flatMap((minute): Step[] => [
        [minute, 'permit', 'grant proven'],
        [minute, 'unanswered'],
      ]),
      [4, 'permit', 'grant proven'],
    ],
    'what was not shown counts as nothing': [
      ...[0, 0, 0, 0].flatMap((minute): Step[] => [
        [minute, 'permit', 'grant'],
        [minute, 'not-shown'],
      ]),
      [0, 'permit', 'grant'],
    ],
  }
  for (const [name, steps] of Object.entries(tables)) {
    t.test(name, async t => play(t, freshGuard(), steps))
  }
})

t.test('what an earlier process has left', async t => {
  const none = { rejections: [], pendingSince: undefined }
  const pending = { rejections: [], pendingSince: at(-5) }
  type Row = [name: string, record: GuardRecord, configChanged: number, permit: string]
  const rows: Row[] = [
    ['nothing', none, -60, 'grant'],
    ['a rejection of this password', rejectedAt(-5), -60, 'refuse until 25'],
    ['a rejection at the moment of the change', rejectedAt(-5), -5, 'refuse until 25'],
    ['a rejection of an earlier password', rejectedAt(-5), -4, 'grant'],
    ['a rejection whose cool-down is over', rejectedAt(-30), -60, 'grant'],
    [
      'two of earlier passwords: the account cannot take a third',
      rejectedAt(-10, -5),
      -1,
      'refuse until 20',
    ],
    ['two, out of order', rejectedAt(-5, -10), -1, 'refuse until 20'],
    ['three: the second last decides', rejectedAt(-20, -10, -5), -1, 'refuse until 20'],
    ['two, one of them before the window', rejectedAt(-31, -5), -1, 'grant'],
    ['a logon whose verdict died with the process', pending, -60, 'grant'],
    [
      'a rejection and a logon without a verdict, of earlier passwords',
      { rejections: [at(-10)], pendingSince: at(-5) },
      -1,
      'refuse until 20',
    ],
    ['a file that was changed in the future', rejectedAt(-5), 60, 'grant'],
  ]
  for (const [name, record, configChanged, permit] of rows) {
    t.equal(permitOf(afterRestart(0, record, configChanged), 0), permit, name)
  }
})

t.test('a clock that was set back does not refuse for longer than a cool-down', async t => {
  const year = 365 * 24 * 60
  for (const record of [rejectedAt(year), rejectedAt(year, year + 1)]) {
    const guard = afterRestart(0, record)
    t.equal(permitOf(guard, 0), 'refuse until 30')
    t.equal(permitOf(guard, 30), 'grant')
  }
})

t.test(
  'restarting over and over with a wrong password costs two logons in half an hour',
  async t => {
    for (const verdict of ['rejected', 'crash'] as const) {
      let record: GuardRecord = { rejections: [], pendingSince: undefined }
      const shownAt: number[] = []
      // Every minute somebody edits the file and starts the service; one request comes.
      for (let minute = 0; minute < 120; minute++) {
        const guard = afterRestart(minute, record, minute)
        if (permitOf(guard, minute) !== 'grant') continue
        t.ok(guard.mayShow(at(minute)))
        shownAt.push(minute)
        if (verdict === 'rejected') guard.report('rejected', at(minute))
        record = guard.record
      }
      for (const minute of shownAt) {
        const within = shownAt.filter(other => other >= minute && other < minute + 30)
        t.ok(within.length <= 2, `${within.join(', ')} with ${verdict}`)
      }
      t.ok(shownAt.length >= 5, `still tried now and then: ${shownAt.join(', ')}`)
    }
  },
)

t.test('the record is what the next process has to know', async t => {
  const guard = freshGuard()
  t.strictSame(guard.record, { rejections: [], pendingSince: undefined })
  guard.permit(at(0))
  t.strictSame(guard.record.pendingSince, undefined, 'nothing was shown yet')
  guard.mayShow(at(1))
  t.strictSame(guard.record, { rejections: [], pendingSince: at(1) })
  guard.report('rejected', at(2))
  t.strictSame(guard.record, { rejections: [at(2)], pendingSince: undefined })
  t.equal(guard.isProven, false)
  t.equal(guard.refusedUntilMs(at(2)), at(32))
  play(t, guard, logon(32, 'accepted'))
  t.strictSame(guard.record, { rejections: [], pendingSince: undefined })
  t.equal(guard.isProven, true)
  t.equal(guard.hasProof(at(46)), true)
  t.equal(guard.hasProof(at(47)), false)
  t.equal(guard.isProven, true, 'stale proof still says that the password was right once')
  guard.permit(at(47))
  guard.mayShow(at(47))
  t.equal(guard.record.pendingSince, undefined, 'a password that had worked is no guess')
  guard.report('unanswered', at(47))
  t.strictSame(guard.record, { rejections: [], pendingSince: undefined })
})

/** A guard with hashes that can be read in two ways, in a configuration that was changed at this minute. */
function uncertainGuard(minute: number, record?: GuardRecord, configChanged = -60): LockoutGuard {
  const choice = new CredentialChoice(true, at(configChanged), record?.readings)
  return new LockoutGuard(at(minute), record, at(configChanged), choice)
}

t.test('hashes that can be read in two ways', async t => {
  const tables: Record<string, Step[]> = {
    'the other reading follows at once, alone again, and is the last': [
      ...logon(0, 'rejected'),
      [0, 'permit', 'grant'],
      [0, 'permit', 'wait'],
      [0, 'show', true],
      [0, 'rejected'],
      [0, 'show', false],
      [30, 'permit', 'refuse until Infinity'],
      [100_000, 'permit', 'refuse until Infinity'],
    ],
    'the other reading is right': [
      ...logon(0, 'rejected'),
      ...logon(0, 'accepted'),
      [1, 'permit', 'grant proven'],
    ],
    'a reading that had worked is no question any more': [
      ...logon(0, 'accepted'),
      ...logon(20, 'rejected'),
      [20, 'permit', 'refuse until 21'],
      ...logon(21, 'rejected'),
      [21, 'permit', 'refuse until 51'],
      [51, 'permit', 'grant'],
    ],
    'an upstream that never answers decides nothing': [
      ...logon(0, 'unanswered'),
      ...logon(0, 'unanswered'),
      [0, 'permit', 'refuse until 1'],
      ...logon(1, 'rejected'),
      ...logon(1, 'unanswered'),
      ...logon(3, 'rejected'),
      [3, 'permit', 'refuse until Infinity'],
    ],
  }
  for (const [name, steps] of Object.entries(tables)) {
    t.test(name, async t => play(t, uncertainGuard(0), steps))
  }
})

t.test('hashes that can be read in two ways, after a restart', async t => {
  const rejected = uncertainGuard(0)
  play(t, rejected, logon(0, 'rejected'))
  const again = uncertainGuard(1, rejected.record)
  play(t, again, [...logon(1, 'rejected'), [1, 'permit', 'refuse until Infinity']])
  play(t, uncertainGuard(90, again.record), [[90, 'permit', 'refuse until Infinity']])
  const mended = uncertainGuard(2, again.record, 2)
  play(t, mended, [
    [2, 'permit', 'refuse until 30'],
    ...logon(30, 'rejected'),
    // The budget knows no readings: the rejections of minutes 1 and 30 fill it.
    [30, 'permit', 'refuse until 31'],
    ...logon(31, 'rejected'),
    [31, 'permit', 'refuse until Infinity'],
  ])

  const crashed = uncertainGuard(0)
  play(t, crashed, [
    [0, 'permit', 'grant'],
    [0, 'show', true],
  ])
  play(t, uncertainGuard(1, crashed.record), [
    ...logon(1, 'rejected'),
    [1, 'permit', 'refuse until Infinity'],
  ])

  const found = uncertainGuard(0)
  play(t, found, [...logon(0, 'rejected'), ...logon(0, 'accepted')])
  play(t, uncertainGuard(1, found.record), [
    ...logon(1, 'rejected'),
    [1, 'permit', 'refuse until 31'],
    [31, 'permit', 'grant'],
  ])
})

t.test('the budget holds back the other reading too', async t => {
  const guard = uncertainGuard(0, rejectedAt(-10), -1)
  play(t, guard, [
    ...logon(0, 'rejected'),
    [0, 'permit', 'refuse until 20'],
    ...logon(20, 'rejected'),
    [20, 'permit', 'refuse until Infinity'],
  ])
})

t.test('restarting over and over with unreadable hashes costs two logons for ever', async t => {
  for (const verdict of ['rejected', 'crash'] as const) {
    let record: GuardRecord = { rejections: [], pendingSince: undefined }
    let shown = 0
    for (let minute = 0; minute < 200; minute++) {
      const guard = uncertainGuard(minute, record)
      if (permitOf(guard, minute) !== 'grant') continue
      guard.mayShow(at(minute))
      shown++
      if (verdict === 'rejected') guard.report('rejected', at(minute))
      record = guard.record
    }
    t.equal(shown, 2, verdict)
  }
})
