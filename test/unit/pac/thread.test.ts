import t from 'tap'
import { createIsolatedPac } from '../../../src/pac/index.ts'
import { FakeClock } from '../../harness/fake-clock.ts'
import { FakeNames, find, hasQuickJs, scriptOf } from './sandbox.ts'

if (await hasQuickJs(t)) {
  // What else a thread does is in test/integration/pac-thread.test.ts, with the built program.
  t.test('a thread starts from the sources too', async t => {
    const pac = await createIsolatedPac(scriptOf('return dnsResolve(host)'), {
      clock: new FakeClock(),
      resolve: new FakeNames({ 'a.example': ['10.0.0.1'] }).resolve,
      localAddresses: () => [],
    })
    t.teardown(() => pac.close())
    t.equal(await find(pac, 'a.example'), '10.0.0.1')
  })
}
