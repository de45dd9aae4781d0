import t from 'tap'
import { clientsWithin, parseDescriptorLimit, readDescriptorLimit } from '../../../src/net/index.ts'

t.test('the hard limit is read from what the kernel says', async t => {
  const text = (hard: string): string =>
    `Max processes             7                    8                    processes\nMax open files            1024                 ${hard}                files\n`
  t.equal(parseDescriptorLimit(text('524288')), 524_288)
  t.equal(parseDescriptorLimit(text('unlimited')), Infinity)
  t.equal(parseDescriptorLimit(''), undefined)
  if (process.platform === 'linux') t.ok((readDescriptorLimit() ?? 0) > 0)
})

t.test(
  'so many clients are let in that each can have a connection of its own upstream',
  async t => {
    const cases: [descriptors: number, clients: number][] = [
      [1, 1],
      [64, 16],
      [256, 64],
      [1024, 384],
      [4096, 1920],
      [65_536, 32_640],
      [1_048_576, 32_768],
      [Infinity, 32_768],
    ]
    for (const [descriptors, clients] of cases) {
      t.equal(clientsWithin(descriptors), clients, String(descriptors))
      t.ok(descriptors < 8 || 2 * clients < descriptors)
    }
  },
)
