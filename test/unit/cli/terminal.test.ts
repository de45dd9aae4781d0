import t from 'tap'
import { hangupListener } from '../../../src/cli/terminal.ts'
import { FakeClock } from '../../harness/fake-clock.ts'

function listen(hasTerminal: boolean) {
  const clock = new FakeClock()
  const state = { isGone: false, reloads: 0, stops: 0 }
  const onHangup = hangupListener({
    clock,
    terminal: hasTerminal ? { isGone: () => state.isGone } : undefined,
    reload: () => void state.reloads++,
    stop: () => void state.stops++,
  })
  return { clock, state, onHangup }
}

t.test('without a terminal SIGHUP always means a reload', async t => {
  const { clock, onHangup, state } = listen(false)
  onHangup()
  onHangup()
  clock.advance(10_000)
  t.match(state, { reloads: 2, stops: 0 })
})

t.test('with a terminal that is there too', async t => {
  const { clock, onHangup, state } = listen(true)
  onHangup()
  clock.advance(10_000)
  onHangup()
  t.match(state, { reloads: 2, stops: 0 })
})

t.test('a terminal that has gone ends it once, however often the signal comes', async t => {
  const { clock, onHangup, state } = listen(true)
  state.isGone = true
  for (let n = 0; n < 3; n++) onHangup()
  clock.advance(10_000)
  t.match(state, { reloads: 0, stops: 1 })
})

t.test('a shell may send the signal just before its terminal goes', async t => {
  const { clock, onHangup, state } = listen(true)
  onHangup()
  onHangup()
  clock.advance(500)
  state.isGone = true
  clock.advance(10_000)
  t.match(state, { reloads: 2, stops: 1 })
})

t.test('a terminal that goes long after a reload is not asked for', async t => {
  const { clock, onHangup, state } = listen(true)
  onHangup()
  clock.advance(1_000)
  state.isGone = true
  clock.advance(100_000)
  t.match(state, { reloads: 1, stops: 0 }, 'what the shell disowned stays')
})
