import t from 'tap'
import { Roster } from '../../../src/core/index.ts'

const member = (name: string) => ({ name, place: -1 })

t.test('members come and go in any order', async t => {
  const roster = new Roster<ReturnType<typeof member>>()
  const [a, b, c, d] = [member('a'), member('b'), member('c'), member('d')]
  for (const one of [a, b, c, d]) roster.add(one)
  const names = (): string =>
    roster
      .list()
      .map(({ name }) => name)
      .sort()
      .join('')
  t.equal(names(), 'abcd')
  t.ok(roster.remove(b))
  t.notOk(roster.remove(b), 'it is gone already')
  t.equal(names(), 'acd')
  t.ok(roster.remove(d))
  t.ok(roster.remove(a))
  t.equal(names(), 'c')
  roster.add(b)
  t.equal(names(), 'bc')
  t.equal(roster.size, 2)
  t.ok(roster.remove(c))
  t.ok(roster.remove(b))
  t.equal(roster.size, 0)
})

t.test('a member of another roster is not taken out of this one', async t => {
  const [one, other] = [new Roster<{ place: number }>(), new Roster<{ place: number }>()]
  const [a, b] = [{ place: -1 }, { place: -1 }]
  one.add(a)
  other.add(b)
  t.notOk(one.remove(b))
  t.ok(other.remove(b))
  t.equal(one.size, 1)
})

t.test('the list may be used while members go', async t => {
  const roster = new Roster<{ place: number }>()
  for (let n = 0; n < 5; n++) roster.add({ place: -1 })
  for (const one of roster.list()) t.ok(roster.remove(one))
  t.equal(roster.size, 0)
})
