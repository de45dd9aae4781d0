import { Readable } from 'node:stream'
import t from 'tap'
import { StreamBody, type UploadSink } from '../../../src/upstream/request-body.ts'

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

function collect(wantsMore = () => true) {
  const chunks: Buffer[] = []
  const resumes: (() => void)[] = []
  const sink: UploadSink = {
    write: chunk => {
      chunks.push(chunk)
      return wantsMore()
    },
    onDrain: resume => resumes.push(resume),
  }
  return { sink, resumes, text: () => Buffer.concat(chunks).toString() }
}

t.test('nothing is read before a consumer wants it, which is reported once', async t => {
  let wanted = 0
  const stream = Readable.from([Buffer.from('body')])
  const body = new StreamBody(stream, { length: 4, onFirstRead: () => wanted++ })
  await turn()
  t.equal(body.bytesRead, 0)
  t.equal(wanted, 0)
  const first = collect()
  await body.send(first.sink).done
  await body.send(collect().sink).done
  t.equal(wanted, 1)
  t.equal(first.text(), 'body')
})

t.test('a small body can be sent again, from its first byte', async t => {
  const stream = new Readable({ read: () => undefined })
  const body = new StreamBody(stream, { length: undefined, trailers: () => ['X', '1'] })
  const first = collect()
  const upload = body.send(first.sink)
  stream.push('one ')
  await turn()
  upload.stop()
  stream.push('two ')
  await turn()
  t.equal(first.text(), 'one ', 'a stopped upload gets nothing more')
  const second = collect()
  const { done } = body.send(second.sink)
  stream.push('three')
  stream.push(null)
  t.same(await done, ['X', '1'])
  t.equal(second.text(), 'one two three')
  const third = collect()
  await body.send(third.sink).done
  t.equal(third.text(), 'one two three', 'also after its end')
  t.ok(body.isReplayable)
})

t.test('a drain of an upload that was stopped loses no bytes of the next one', async t => {
  const stream = new Readable({ read: () => undefined })
  const body = new StreamBody(stream, { length: 8 })
  const slow = collect(() => false)
  const upload = body.send(slow.sink)
  stream.push('half')
  await turn()
  upload.stop()
  slow.resumes.shift()?.()
  stream.push('rest')
  await turn()
  t.equal(body.bytesRead, 4)
  const second = collect()
  const { done } = body.send(second.sink)
  stream.push(null)
  await done
  t.equal(second.text(), 'halfrest')
})

t.test('beyond 64 KiB nothing is kept', async t => {
  for (const [length, isReplayable] of [
    [65_536, true],
    [65_537, false],
  ] as const) {
    const body = new StreamBody(Readable.from([Buffer.alloc(length)]), { length })
    await body.send(collect().sink).done
    t.equal(body.isReplayable, isReplayable)
    t.equal(body.bytesRead, length)
  }
})

t.test('a client that goes away fails the upload, also a later one', async t => {
  const stream = new Readable({ read: () => undefined })
  const body = new StreamBody(stream, { length: 100 })
  const { done } = body.send(collect().sink)
  stream.push('some')
  await turn()
  stream.destroy()
  await t.rejects(done, { code: 'CLIENT_ABORTED', message: /after 4 bytes/ })
  await t.rejects(body.send(collect().sink).done, { code: 'CLIENT_ABORTED' })
  stream.emit('error', new Error('aborted'))
})
