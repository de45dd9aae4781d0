import t from 'tap'
import { Cancellation, NEVER_CANCELLED } from '../../../src/core/index.ts'

t.test('each listener hears of a cancellation once', async t => {
  const cancellation = new Cancellation()
  const heard: string[] = []
  const kept = (): void => void heard.push('kept')
  const removed = (): void => void heard.push('removed')
  cancellation.addEventListener('abort', kept)
  cancellation.addEventListener('abort', kept)
  cancellation.addEventListener('abort', removed)
  cancellation.removeEventListener('abort', removed)
  t.notOk(cancellation.aborted)
  cancellation.abort()
  cancellation.abort()
  t.strictSame(heard, ['kept'])
  t.ok(cancellation.aborted)
})

t.test('who comes after the cancellation is not called', async t => {
  const cancellation = new Cancellation()
  cancellation.addEventListener('abort', () =>
    cancellation.addEventListener('abort', () => t.fail('too late')),
  )
  cancellation.abort()
  cancellation.addEventListener('abort', () => t.fail('too late'))
})

t.test('what nobody calls off stays as it is', async t => {
  NEVER_CANCELLED.addEventListener('abort', () => t.fail('nobody calls'))
  t.notOk(NEVER_CANCELLED.aborted)
})
