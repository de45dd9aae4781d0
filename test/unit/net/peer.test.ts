import { connect, Socket } from 'node:net'
import t from 'tap'
import { peerOf, withoutMapping } from '../../../src/net/index.ts'
import { socketPair } from '../../harness/socket-pair.ts'

t.test('an IPv4 client has the same address on every port', async t => {
  for (const host of ['127.0.0.1', '::']) {
    const pair = await socketPair(connect, host).catch(() => undefined)
    if (pair === undefined) {
      t.equal(host, '::', 'skipped: this host has no IPv6')
      continue
    }
    const [accepted, opened] = pair
    for (const end of pair) t.teardown(() => end.destroy())
    const expected = { address: '127.0.0.1', port: opened.localPort }
    t.strictSame(peerOf(accepted), expected, `a port on ${host}`)
  }
})

t.test('a connection that is gone has nobody at its other end', async t => {
  t.equal(peerOf(new Socket()), undefined)
})

t.test('only mapped addresses are changed', async t => {
  t.equal(withoutMapping('::ffff:10.1.2.3'), '10.1.2.3')
  t.equal(withoutMapping('::FFFF:10.1.2.3'), '10.1.2.3')
  for (const address of ['10.1.2.3', '::1', 'fe80::ffff:1', '::ffff:a01:203']) {
    t.equal(withoutMapping(address), address)
  }
})
