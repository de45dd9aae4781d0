import t from 'tap'
import { Cancellation, NEVER_CANCELLED, ProxyError } from '../../../../src/core/index.ts'
import { HostNames } from '../../../../src/net/index.ts'
import { FakeClock } from '../../../harness/fake-clock.ts'

type Answer = readonly string[] | Error | 'silent'

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve))
}

/** Names whose look-ups end as `answer` says at the time; those in silence end when `release` is called. */
function scene(first: Answer) {
  const clock = new FakeClock()
  const silent: ((answer: Exclude<Answer, 'silent'>) => void)[] = []
  const asked: string[] = []
  const world: { answer: Answer } = { answer: first }
  const names = new HostNames({
    clock,
    resolve: name => {
      asked.push(name)
      const { answer } = world
      if (answer !== 'silent')
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
      return new Promise((resolve, reject) =>
        silent.push(late => (late instanceof Error ? reject(late) : resolve(late))),
      )
    },
  })
  const release = async (answer: Exclude<Answer, 'silent'>): Promise<void> => {
    for (const end of silent.splice(0)) end(answer)
    await turns()
  }
  /** Who dials: what was offered so far, with the time. */
  const dial = (signal = NEVER_CANCELLED) => {
    const offers: string[] = []
    const offer = (addresses: readonly string[]): void =>
      void offers.push(`${clock.now()} ${addresses.join()}`)
    return { offers, end: names.offerUpstream('proxy', offer, signal) }
  }
  return { clock, asked, names, world, release, dial }
}

t.test('a name server that is well is followed at once', async t => {
  const { asked, clock, dial, world } = scene(['10.0.0.1'])
  const first = dial()
  await first.end
  world.answer = ['10.0.0.2']
  const second = dial()
  await second.end
  t.strictSame([first.offers, second.offers], [['0 10.0.0.1'], ['0 10.0.0.2']])
  t.equal(asked.length, 2)
  t.equal(clock.pendingTimers, 0)
})

t.test('the last good addresses of an upstream serve while its name server is silent', async t => {
  const { asked, clock, dial, release, world } = scene(['10.0.0.1'])
  await dial().end
  world.answer = 'silent'
  const waiting = dial()
  await turns()
  clock.advance(299)
  t.strictSame(waiting.offers, [])
  clock.advance(1)
  t.strictSame(waiting.offers, ['300 10.0.0.1'])
  const next = dial()
  t.strictSame(next.offers, ['300 10.0.0.1'], 'from then on at once')
  t.equal(asked.length, 2, 'and the look-up that runs is the only one')
  world.answer = ['10.0.0.2']
  await release(['10.0.0.2'])
  await Promise.all([waiting.end, next.end])
  t.strictSame(next.offers, ['300 10.0.0.1', '300 10.0.0.2'], 'a late answer is offered too')
  const after = dial()
  await after.end
  t.strictSame(after.offers, ['300 10.0.0.2'])
  t.equal(clock.pendingTimers, 0)
})

t.test('they serve when the look-up fails, whatever the reason', async t => {
  const { dial, world } = scene(['10.0.0.1'])
  await dial().end
  for (const answer of [new Error('ENOTFOUND'), new ProxyError('DIAL_DNS'), []]) {
    world.answer = answer
    const { offers, end } = dial()
    await end
    t.strictSame(offers, ['0 10.0.0.1'])
  }
})

t.test('a name that was never resolved has nothing to fall back on', async t => {
  const { dial, world } = scene(new Error('ENOTFOUND'))
  const detail = 'proxy has no address that this host can find'
  await t.rejects(dial().end, { code: 'DIAL_DNS', detail })
  world.answer = []
  await t.rejects(dial().end, { code: 'DIAL_DNS', detail })
})

t.test('after a day without an answer the addresses are given up', async t => {
  const { clock, dial, world } = scene(['10.0.0.1'])
  await dial().end
  world.answer = new Error('ENOTFOUND')
  clock.advance(24 * 60 * 60_000 - 1)
  await dial().end
  clock.advance(1)
  await t.rejects(dial().end, { code: 'DIAL_DNS' })
})

t.test('a dial that is over leaves no timer, and its look-up goes on for the next', async t => {
  const { asked, clock, dial, release, world } = scene(['10.0.0.1'])
  await dial().end
  world.answer = 'silent'
  const over = new Cancellation()
  const left = dial(over)
  await turns()
  over.abort()
  t.equal(clock.pendingTimers, 0)
  const next = dial()
  t.equal(asked.length, 2)
  await release(['10.0.0.2'])
  await Promise.all([left.end, next.end])
  t.strictSame(next.offers, ['0 10.0.0.2'])
})

t.test("clients' targets and upstreams wait for no look-up of each other's", async t => {
  const { asked, dial, names, release } = scene('silent')
  const target = names.lookUp('proxy', 'target', NEVER_CANCELLED)
  const upstream = dial()
  t.strictSame(asked, ['proxy', 'proxy'])
  await release(['10.0.0.1'])
  t.strictSame(await target, ['10.0.0.1'])
  await upstream.end
})

t.test('commands wait for a name only so long', async t => {
  const { clock, names, world } = scene('silent')
  const answer = names.lookUpWithin('proxy', 5_000)
  clock.advance(5_000)
  await t.rejects(answer, {
    code: 'DIAL_DNS',
    detail: 'proxy: no answer from the name server within 5000 ms',
  })
  world.answer = ['10.0.0.1']
  t.strictSame(await names.lookUpWithin('proxy', 5_000), ['10.0.0.1'])
  t.equal(clock.pendingTimers, 0)
})
