import { Socket } from 'node:net'
import t from 'tap'
import { ClientCounts, type ClientStream } from '../../../src/proxy/index.ts'
import { HandingFrontend } from '../../../src/service/handing-frontend.ts'
import type { Fate } from '../../../src/service/index.ts'

const CLIENT = { address: '127.0.0.1', port: 4711 }

function start({ takes }: { takes: (handed: number) => boolean }) {
  const handed: Fate[] = []
  const here: ClientStream[] = []
  const clients = new ClientCounts()
  const limits = { acl: [], maxClients: 1, maxClientsPerAddress: 0 }
  const frontend = new HandingFrontend({
    served: { kind: 'http' },
    current: () => limits,
    clients,
    workforce: {
      isUp: true,
      whenUp: Promise.resolve(),
      hand: (_socket, _served, fate) => {
        const takesIt = takes(handed.length)
        if (takesIt) handed.push(fate)
        return takesIt
      },
    },
    here: { accept: stream => void here.push(stream) },
  })
  const isFull = (): boolean => clients.hold(CLIENT.address, limits) === undefined
  return { frontend, handed, here, isFull }
}

t.test('a client that comes back is handed to another process, and counts once', async t => {
  const { frontend, handed, here, isFull } = start({ takes: () => true })
  frontend.accept(new Socket(), CLIENT)
  t.ok(isFull())
  handed[0]?.onReturned()
  t.equal(handed.length, 2)
  t.ok(isFull())
  handed[1]?.onClosed()
  t.notOk(isFull())
  t.same(here, [])
})

t.test('one that comes back when there is no other process is served here', async t => {
  const { frontend, handed, here, isFull } = start({ takes: handed => handed === 0 })
  const socket = new Socket()
  frontend.accept(socket, CLIENT)
  handed[0]?.onReturned()
  t.same(here, [socket])
  t.notOk(isFull(), 'who serves counts')
})
