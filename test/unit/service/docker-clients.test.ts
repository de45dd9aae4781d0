import t from 'tap'
import { DEFAULTS } from '../../../src/config/index.ts'
import { systemEntropy } from '../../../src/core/index.ts'
import type { Interface } from '../../../src/net/index.ts'
import { checkAccess } from '../../../src/policy/index.ts'
import { buildGeneration, memoryGuardStore } from '../../../src/service/index.ts'
import { EventRecorder } from '../../harness/event-recorder.ts'
import { FakeClock } from '../../harness/fake-clock.ts'

t.test('Allow docker follows the bridges, and the verdict names it', async t => {
  const clock = new FakeClock()
  let interfaces: readonly Interface[] = []
  const { deps } = buildGeneration(
    {
      config: {
        ...DEFAULTS,
        acl: [
          { action: 'allow', rule: { text: 'docker', follows: 'docker' } },
          { action: 'deny', rule: { text: '*', matches: () => true } },
        ],
      },
      credentials: undefined,
      configChangedAtMs: 0,
    },
    {
      clock,
      entropy: systemEntropy,
      emit: new EventRecorder().emit,
      guardStore: memoryGuardStore(),
      readInterfaces: () => interfaces,
    },
  )
  const denied = { allowed: false, rule: 'Deny *' }
  t.strictSame(checkAccess(deps.acl, '172.17.0.2'), denied, 'there is no bridge yet')
  interfaces = [{ name: 'docker0', addresses: [{ address: '172.17.0.1', prefixLength: 16 }] }]
  clock.advance(100)
  t.strictSame(checkAccess(deps.acl, '172.17.0.2'), { allowed: true, rule: 'Allow docker' })
  t.strictSame(checkAccess(deps.acl, '172.18.0.2'), denied)
})
