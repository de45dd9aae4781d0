import t from 'tap'
import { Courier } from '../../../src/workers/courier.ts'
import type { FromWorker } from '../../../src/workers/messages.ts'
import { FakeClock } from '../../harness/fake-clock.ts'

function start() {
  const clock = new FakeClock()
  const sent: FromWorker[] = []
  const courier = new Courier({
    clock,
    post: message => sent.push(JSON.parse(JSON.stringify(message)) as FromWorker),
    inProgress: () => 3,
  })
  return { clock, sent, courier }
}

const up = { type: 'upstream.up', upstream: 'a:1' } as const
const denied = { type: 'client.denied', client: '10.0.0.1:1', rule: 'Deny *' } as const

t.test('what happens within a moment goes in one message', async t => {
  const { clock, courier, sent } = start()
  courier.emit(denied)
  courier.closed(7)
  courier.emit(denied)
  clock.advance(19)
  t.same(sent, [])
  clock.advance(1)
  t.same(sent, [{ type: 'report', events: [denied, denied], closed: [7], inProgress: 3 }])
  clock.advance(1_000)
  t.equal(sent.length, 1, 'and nothing when nothing happens')
})

t.test('news of an upstream do not wait, nor does what came before them', async t => {
  const { clock, courier, sent } = start()
  courier.emit(denied)
  courier.emit(up)
  t.match(sent, [{ events: [denied, up] }])
  clock.advance(1_000)
  t.equal(sent.length, 1)
})

t.test('a bug arrives with its message and stack', async t => {
  const { courier, sent } = start()
  courier.emit({ type: 'bug', error: new TypeError('it is undefined') })
  courier.emit({ type: 'bug', error: 'thrown text' })
  t.match(sent, [
    {
      events: [
        {
          type: 'bug',
          error: { name: 'TypeError', message: 'it is undefined', stack: /courier\.test/ },
        },
      ],
    },
    { events: [{ type: 'bug', error: { message: 'thrown text' } }] },
  ])
})
