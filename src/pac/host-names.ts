import { createSocket } from 'node:dgram'
import { networkInterfaces } from 'node:os'

/** Documentation addresses (RFC 5737, RFC 3849), which select the default route. */
const FAR_AWAY = [
  ['udp4', '192.0.2.1'],
  ['udp6', '2001:db8::1'],
] as const

/** The addresses of this host: first those used by the default routes, then the others, without loopback and link-local. */
export async function localAddresses(): Promise<readonly string[]> {
  const outgoing = await Promise.all(
    FAR_AWAY.map(async ([type, far]) => outgoingAddress(type, far)),
  )
  const all = Object.values(networkInterfaces()).flatMap(each => each ?? [])
  const others = all
    .filter(({ internal, address }) => !internal && !/^(fe80:|169\.254\.)/i.test(address))
    .map(({ address }) => address)
  return [...new Set([...outgoing.flat(), ...others])]
}

/** Connecting a UDP socket sends nothing: the kernel only looks up the route. */
function outgoingAddress(type: 'udp4' | 'udp6', far: string): Promise<string[]> {
  return new Promise(resolve => {
    const socket = createSocket(type)
    const finish = (addresses: string[]): void => {
      socket.close()
      resolve(addresses)
    }
    socket.once('error', () => finish([]))
    socket.connect(9, far, () => finish([socket.address().address]))
  })
}
