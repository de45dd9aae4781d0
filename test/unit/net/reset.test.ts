import { once } from 'node:events'
import type { Socket } from 'node:net'
import { duplexPair } from 'node:stream'
import t from 'tap'
import { wasReset } from '../../../src/net/index.ts'
import { connectLending } from '../../../src/net/lending-socket.ts'
import { socketPair } from '../../harness/socket-pair.ts'

/** What `near` has to say of the end of what the far side sent, all of it there at once. */
async function afterEnd(
  close: (far: Socket) => unknown,
  { endsFirst, dial }: { endsFirst: boolean; dial?: typeof connectLending },
): Promise<{ bytes: number; wasReset: boolean }> {
  const [far, near] = await socketPair(dial)
  near.on('error', () => undefined)
  if (endsFirst) {
    near.end()
    await once(far.resume(), 'end')
  }
  // Neither is read before both are there.
  far.write('x'.repeat(1000))
  close(far)
  let bytes = 0
  near.on('data', (chunk: Buffer) => (bytes += chunk.length))
  const verdict = new Promise<boolean>(resolve => near.on('end', () => resolve(wasReset(near))))
  const found = { bytes: 0, wasReset: await verdict }
  found.bytes = bytes
  near.destroy()
  far.destroy()
  return found
}

t.test('a reset that comes with the last bytes is told from an end', async t => {
  for (const endsFirst of [false, true]) {
    for (const dial of [undefined, connectLending]) {
      const options = { endsFirst, ...(dial && { dial }) }
      t.same(await afterEnd(far => far.end(), options), { bytes: 1000, wasReset: false })
      t.same(await afterEnd(far => far.resetAndDestroy(), options), { bytes: 1000, wasReset: true })
    }
  }
})

t.test('a stream that is no socket, or a socket that is closed, was not reset', async t => {
  const [stream] = duplexPair()
  t.notOk(wasReset(stream))
  const [far, near] = await socketPair()
  t.notOk(wasReset(near), 'nor one that has not ended')
  near.destroy()
  t.notOk(wasReset(near))
  far.destroy()
})
