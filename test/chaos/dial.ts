import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { SHARED_KEY, TLS_OPTIONS } from './tls-psk.ts'
import { Wire } from './wire.ts'

/** @param localAddress who the client is for the program under test. */
export function open(port: number, localAddress = '127.0.0.1'): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ port, host: '127.0.0.1', localAddress, allowHalfOpen: true })
    socket.once('error', reject).once('connect', () => {
      socket.off('error', reject)
      resolve(new Wire(socket))
    })
  })
}

export function overTls(wire: Wire): Wire {
  const below = wire.release()
  const socket = connectTls({
    ...TLS_OPTIONS,
    socket: below,
    pskCallback: () => ({ psk: SHARED_KEY, identity: 'chaos' }),
    // A shared key takes the place of a certificate.
    checkServerIdentity: () => undefined,
  })
  return new Wire(socket, below)
}
