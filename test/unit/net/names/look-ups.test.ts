import t from 'tap'
import { Cancellation, type CancelSignal, NEVER_CANCELLED } from '../../../../src/core/index.ts'
import { LookUps, type NameUse } from '../../../../src/net/names/look-ups.ts'
import { Places } from '../../../../src/net/names/places.ts'
import { clientPlaces, systemLookUp } from '../../../../src/net/names/system-look-up.ts'

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve))
}

/** A resolver whose answers the test gives. */
class Asked {
  readonly names: string[] = []
  readonly signals: CancelSignal[] = []
  readonly #answers = new Map<string, ((addresses: readonly string[]) => void)[]>()

  readonly find = (
    name: string,
    _use?: NameUse,
    signal?: CancelSignal,
  ): Promise<readonly string[]> => {
    this.names.push(name)
    if (signal !== undefined) this.signals.push(signal)
    return new Promise(resolve => {
      this.#answers.set(name, [...(this.#answers.get(name) ?? []), resolve])
    })
  }

  async answer(name: string, ...addresses: string[]): Promise<void> {
    for (const resolve of this.#answers.get(name) ?? []) resolve(addresses)
    this.#answers.delete(name)
    await turns()
  }
}

t.test('a name that many wait for is asked for once at a time', async t => {
  const asked = new Asked()
  const lookUps = new LookUps(asked.find)
  const all = Array.from({ length: 5 }, () => lookUps.ask('a', 'target', NEVER_CANCELLED))
  t.strictSame(asked.names, ['a'])
  await asked.answer('a', '10.0.0.1')
  t.strictSame(await Promise.all(all), Array(5).fill(['10.0.0.1']))
  const next = lookUps.ask('a', 'target', NEVER_CANCELLED)
  t.strictSame(asked.names, ['a', 'a'], 'anew afterwards')
  await asked.answer('a')
  t.strictSame(await next, [])
})

t.test('who leaves ends nobody else, and the last one ends the look-up', async t => {
  const asked = new Asked()
  const lookUps = new LookUps(asked.find)
  const [first, second] = [new Cancellation(), new Cancellation()]
  const answers = [first, second].map(signal => lookUps.ask('a', 'target', signal))
  first.abort()
  await t.rejects(answers[0]!, { code: 'CLIENT_ABORTED' })
  t.equal(asked.signals[0]!.aborted, false)
  second.abort()
  await t.rejects(answers[1]!, { code: 'CLIENT_ABORTED' })
  t.equal(asked.signals[0]!.aborted, true)
  const anew = lookUps.ask('a', 'target', NEVER_CANCELLED)
  t.equal(asked.names.length, 2, 'one that was ended answers nobody')
  await asked.answer('a', '10.0.0.1')
  t.strictSame(await anew, ['10.0.0.1'])
})

t.test('a failed look-up fails those who wait, and is tried again by the next', async t => {
  const outcomes = [Promise.reject(new Error('ENOTFOUND')), Promise.resolve(['10.0.0.1'])]
  outcomes[0]!.catch(() => undefined)
  const lookUps = new LookUps(() => outcomes.shift()!)
  const all = [1, 2].map(() => lookUps.ask('a', 'target', NEVER_CANCELLED))
  for (const one of all) await t.rejects(one, /ENOTFOUND/)
  t.strictSame(await lookUps.ask('a', 'target', NEVER_CANCELLED), ['10.0.0.1'])
})

t.test(
  "clients' look-ups in threads leave places for upstreams, whatever they wait for",
  async t => {
    const asked = new Asked()
    const lookUp = systemLookUp(asked.find, new Places(2))
    const silent = ['s1', 's2', 's3', 's4'].map(name => lookUp(name, 'target', NEVER_CANCELLED))
    await turns()
    t.strictSame(asked.names, ['s1', 's2'], 'the others wait in line')
    const upstream = lookUp('proxy', 'upstream', NEVER_CANCELLED)
    t.equal(asked.names.at(-1), 'proxy')
    await asked.answer('proxy', '10.0.0.1')
    t.strictSame(await upstream, ['10.0.0.1'])
    await asked.answer('s2', '10.0.0.2')
    t.strictSame(asked.names, ['s1', 's2', 'proxy', 's3'])
    for (const name of ['s1', 's3', 's4']) await asked.answer(name)
    t.strictSame(await Promise.all(silent), [[], ['10.0.0.2'], [], []])
  },
)

t.test('one that is in line leaves it, one that has a thread keeps it to its end', async t => {
  const asked = new Asked()
  const lookUp = systemLookUp(asked.find, new Places(1))
  const leaving = new Cancellation()
  const held = lookUp('held', 'target', leaving)
  const queued = lookUp('queued', 'target', leaving)
  const next = lookUp('next', 'target', NEVER_CANCELLED)
  await turns()
  leaving.abort()
  await t.rejects(queued, { code: 'CLIENT_ABORTED' })
  await turns()
  t.strictSame(asked.names, ['held'], 'the thread is still occupied')
  const again = lookUp('held', 'target', NEVER_CANCELLED)
  await turns()
  t.strictSame(asked.names, ['held'], 'whoever asks for the same name joins it')
  await asked.answer('held', '10.0.0.1')
  t.strictSame(await Promise.all([held, again]), [['10.0.0.1'], ['10.0.0.1']])
  t.strictSame(asked.names, ['held', 'next'])
  await asked.answer('next')
  t.strictSame(await next, [])
  await t.rejects(lookUp('late', 'target', leaving), { code: 'CLIENT_ABORTED' })
})

t.test('the C library tells a silent name server from an unknown name', async t => {
  const failing = (code: string) =>
    systemLookUp(() => Promise.reject(Object.assign(new Error(code), { code })), new Places(1))
  const silent = failing('EAI_AGAIN')('a.test', 'target', NEVER_CANCELLED)
  await t.rejects(silent, {
    code: 'DIAL_DNS',
    detail: 'a.test: the name server did not answer, or could not (EAI_AGAIN)',
  })
  await t.rejects(failing('ENOTFOUND')('a.test', 'target', NEVER_CANCELLED), { code: 'ENOTFOUND' })
})

t.test('clients never have all threads that libuv gives to look-ups', t => {
  const table: [size: string | undefined, places: number][] = [
    [undefined, 1],
    ['4', 1],
    ['5', 2],
    ['16', 6],
    ['128', 48],
    ['nonsense', 1],
    ['0', 1],
  ]
  for (const [size, places] of table) t.equal(clientPlaces(size), places, size ?? 'not set')
  t.end()
})
