import t from 'tap'
import {
  AccountLedger,
  LockoutGuard,
  type Logon,
  LOGON_WINDOW_MS,
  type LogonVerdict,
  type LogonWish,
  type Settlement,
} from '../../../src/policy/index.ts'

/**
 * A model of a directory, upstreams and clients around the guard. Whatever happens in whatever order, the directory never counts
 * more bad passwords than LogonBudget, apart from the two in a window that may go beyond it.
 */
class World {
  readonly #ledger: AccountLedger
  #guard: LockoutGuard
  readonly #guards = new Map<number, LockoutGuard>()
  #now = 0
  /** What tsntlm has, and what the directory has. */
  #secret = 0
  #password = 0
  #bad = 0
  #lastBadAt = -Infinity
  readonly #logons: InFlight[] = []
  worst = 0

  constructor(budget: number) {
    this.#ledger = new AccountLedger({ budget, windowMs: LOGON_WINDOW_MS })
    this.#guard = new LockoutGuard({ ledger: this.#ledger })
  }

  /** Everything that can happen now. */
  get actions(): (() => void)[] {
    const asks = WISHES.map(wish => () => this.#ask(wish))
    const flights = this.#logons.flatMap(logon => this.#actionsOn(logon))
    return [...asks, ...flights, ...this.#surroundings]
  }

  get #surroundings(): (() => void)[] {
    return [
      () => void this.#password++,
      () => void (this.#now += 10_000),
      () => void (this.#now += 2 * 60_000),
      () => void (this.#now += 31 * 60_000),
      () => this.#guard.settled(),
      () => this.#correct(this.#password),
      () => this.#correct(this.#password - 1),
      () => this.#correct(this.#secret + 1_000),
    ]
  }

  #ask(wish: LogonWish): void {
    if (this.#logons.length >= 4) return
    const isSpent = this.#ledger.places(this.#now) <= 0
    const permit = this.#guard.permit(this.#now, wish)
    if (permit.kind === 'wait' && permit.forMs === undefined && this.#ledger.inFlight === 0)
      throw new Error('it waits for nothing')
    if (permit.kind !== 'grant') return
    this.#logons.push({
      logon: permit.logon,
      guard: this.#guard,
      secret: this.#secret,
      state: 'begun',
      isRight: undefined,
      isException: isSpent,
    })
  }

  #actionsOn(flight: InFlight): (() => void)[] {
    const { guard, logon } = flight
    if (flight.state === 'begun') {
      return [
        () => {
          if (guard.send(logon, this.#now)) flight.state = 'sent'
          else this.#end(flight, 'not-sent', 'none')
        },
        () => this.#end(flight, 'not-sent', 'none'),
      ]
    }
    // The directory may look at it at any time until the upstream has answered, or after the connection has broken.
    const deaths = NO_ANSWERS.map(([verdict, settlement]) => () => {
      this.#end(flight, verdict, settlement)
      this.#verify(flight)
    })
    if (flight.isRight === undefined) return [() => this.#verify(flight), ...deaths]
    const verdicts: [LogonVerdict, Settlement][] = flight.isRight
      ? [['accepted', 'none']]
      : SETTLEMENTS.map(settlement => ['refused', settlement])
    // An upstream that has lost its domain controller, or whose policy denies the target.
    verdicts.push(['refused', 'here'], ['refused-late', 'none'], ['refused-here', 'none'])
    return [
      ...verdicts.map(
        ([verdict, how]) =>
          () =>
            this.#end(flight, verdict, how),
      ),
      ...deaths,
    ]
  }

  #verify(flight: InFlight): void {
    if (flight.isRight !== undefined) return
    flight.isRight = flight.secret === this.#password
    if (this.#now - this.#lastBadAt >= LOGON_WINDOW_MS) this.#bad = 0
    if (flight.isRight) this.#bad = 0
    if (flight.isRight) return
    this.#lastBadAt = this.#now
    if (!flight.isException) this.#bad++
    this.worst = Math.max(this.worst, this.#bad)
  }

  #end(flight: InFlight, verdict: LogonVerdict, settlement: Settlement): void {
    this.#logons.splice(this.#logons.indexOf(flight), 1)
    flight.guard.report(flight.logon, verdict, this.#now, settlement)
  }

  /** Somebody writes another password into the file, the right one or not. */
  #correct(secret: number): void {
    if (secret === this.#secret) return
    this.#guards.set(this.#secret, this.#guard)
    this.#secret = secret
    // A secret that was in use before may come back with what is known of it.
    const known = this.#guards.get(secret)
    this.#guard = known ?? new LockoutGuard({ ledger: this.#ledger, isChanged: true })
  }
}

interface InFlight {
  readonly logon: Logon
  readonly guard: LockoutGuard
  readonly secret: number
  state: 'begun' | 'sent'
  /** The budget was used up: a person has changed the password, or it was accepted lately and never refused since. */
  readonly isException: boolean
  /** What the directory found; undefined until it has looked. */
  isRight: boolean | undefined
}

const WISHES: readonly LogonWish[] = [
  { ride: true, check: true },
  { ride: false, check: true },
  { ride: true, check: false, mayRideLast: true },
  { ride: true, check: false },
  { ride: false, check: true, settles: true },
]

const NO_ANSWERS: readonly [LogonVerdict, Settlement][] = [
  ['unanswered', 'elsewhere'],
  ['timed-out', 'here'],
]

const SETTLEMENTS: readonly Settlement[] = ['none', 'here', 'elsewhere', 'by-other-target']

/** Linear congruential, so that a failure can be run again by its seed. */
function random(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

t.test('whatever happens in any order, the directory counts no more than the budget', async t => {
  for (const budget of [1, 2, 3, 4]) {
    let worst = 0
    for (let seed = 1; seed <= 4_000; seed++) {
      const world = new World(budget)
      const choose = random(seed * 7 + budget)
      for (let step = 0; step < 120; step++) {
        const { actions } = world
        actions[choose(actions.length)]?.()
      }
      worst = Math.max(worst, world.worst)
      if (world.worst > budget)
        throw new Error(`LogonBudget ${budget}, seed ${seed}: ${world.worst}`)
    }
    t.equal(worst, budget, `LogonBudget ${budget}: reached and never exceeded`)
  }
})

t.test('all orders of a few steps', async t => {
  const DEPTH = 6
  let runs = 0
  const explore = (path: readonly number[]): void => {
    const world = new World(1)
    for (const choice of path) world.actions[choice]?.()
    runs++
    if (world.worst > 1) throw new Error(`${path.join(' ')}: ${world.worst}`)
    if (path.length === DEPTH) return
    for (let choice = 0; choice < world.actions.length; choice++) explore([...path, choice])
  }
  // From a first logon under way on: asked, sent, looked at.
  explore([0])
  t.ok(runs > 100_000, `${runs} orders`)
})
