import t from 'tap'
import { ClientCounts, type ClientLimits } from '../../../src/proxy/client-counts.ts'
import { EventRecorder } from '../../harness/event-recorder.ts'
import { WireEnd } from '../../harness/wire.ts'

function start(limits: Partial<ClientLimits>) {
  const counts = new ClientCounts()
  const recorder = new EventRecorder()
  const all = { emit: recorder.emit, maxClients: 0, maxClientsPerAddress: 0, ...limits }
  const come = (address: string) => {
    const [stream] = WireEnd.pair()
    return { stream, admission: counts.admit(stream, { address, port: 7 }, all) }
  }
  return { recorder, come }
}

const closed = (stream: WireEnd): Promise<void> =>
  new Promise(resolve => {
    stream.once('close', resolve)
    stream.destroy()
  })

t.test('as many clients are let in as may be, and again when others have left', async t => {
  const { come, recorder } = start({ maxClients: 2 })
  const first = come('10.0.0.1')
  t.match(
    [first, come('10.0.0.2')],
    [{ admission: { kind: 'admitted' } }, { admission: { kind: 'admitted' } }],
  )
  const third = come('10.0.0.3').admission
  t.match(third, { kind: 'refused', error: { code: 'CLIENT_LIMIT', detail: /^2 .*MaxClients\)$/ } })
  t.same(recorder.events, [
    { type: 'client.refused', client: '10.0.0.3:7', limit: 'MaxClients', most: 2 },
  ])
  await closed(first.stream)
  t.equal(come('10.0.0.3').admission.kind, 'admitted')
  t.equal(come('10.0.0.3').admission.kind, 'refused')
})

t.test('an address has its own limit, which concerns no other', async t => {
  const { come, recorder } = start({ maxClientsPerAddress: 1 })
  const first = come('10.0.0.1')
  t.match(come('10.0.0.1').admission, {
    error: { detail: /of 10\.0\.0\.1 .*MaxClientsPerAddress/ },
  })
  t.equal(come('10.0.0.2').admission.kind, 'admitted')
  t.match(recorder.events, [{ limit: 'MaxClientsPerAddress', most: 1 }])
  await closed(first.stream)
  t.equal(come('10.0.0.1').admission.kind, 'admitted')
})

t.test('without limits everybody is let in', async t => {
  const { come } = start({})
  for (let at = 0; at < 500; at++) t.equal(come('10.0.0.1').admission.kind, 'admitted')
})

t.test('a flood of refused clients is cut off instead of told', async t => {
  const { come } = start({ maxClients: 1 })
  come('10.0.0.1')
  const flood = Array.from({ length: 100 }, () => come('10.0.0.2'))
  const told = flood.filter(({ admission }) => admission.kind === 'refused')
  const cut = flood.filter(({ admission }) => admission.kind === 'dropped')
  t.equal(told.length, 32)
  t.equal(cut.length, 68)
  t.ok(cut.every(({ stream }) => stream.destroyed))
  await closed(told[0]!.stream)
  t.equal(come('10.0.0.2').admission.kind, 'refused')
})
