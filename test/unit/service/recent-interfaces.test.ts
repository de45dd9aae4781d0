import t from 'tap'
import { RecentInterfaces } from '../../../src/service/recent-interfaces.ts'
import { FakeClock } from '../../harness/fake-clock.ts'

t.test('clients at the same time need one look, and a later one sees the new bridge', async t => {
  const clock = new FakeClock()
  let looks = 0
  const read = () => [{ name: `br${looks++}`, addresses: [] }]
  const recent = new RecentInterfaces(read, clock)
  const name = (): string | undefined => recent.current[0]?.name
  t.strictSame([name(), name()], ['br0', 'br0'])
  clock.advance(99)
  t.equal(name(), 'br0')
  clock.advance(1)
  t.equal(name(), 'br1')
  t.equal(looks, 2)
})
