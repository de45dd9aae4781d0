import type { Socket } from 'node:net'
import { type TcpNetConnectOpts } from 'node:net'
import type { Duplex } from 'node:stream'
import { ReadingOnSocket } from './reading-on-socket.ts'

/**
 * Gets bytes that are only lent. They stay as they are until `giveBack` is called; where it never is, they are
 * the borrower's.
 * @returns false when it wants a copy instead, as 'data'.
 */
export type Borrower = (bytes: Buffer, giveBack: () => void) => boolean

const LANDING_BYTES = 64 * 1024
const BULK_BYTES = 256 * 1024
const MAX_SPARES = 8

/** One for all sockets: what is read into it is copied before anything else can be read. */
const landing = Buffer.allocUnsafeSlow(LANDING_BYTES)
const spares: Buffer[] = []
const readers = new WeakMap<Duplex, LendingReader>()

/**
 * Opens a socket whose reads can be borrowed. node asks for 64 KiB of fresh memory for each read, and the system clears
 * them: that costs more than to copy bulk data twice. Here a socket that fills `landing` reads into 256 KiB that are used
 * again, for as long as it fills these too: one tunnel moves twice as much then. Other sockets have no memory of their own.
 */
export function connectLending(options: TcpNetConnectOpts): Socket {
  // There the system reads ahead into the memory of all sockets at a time.
  if (process.platform === 'win32') return new ReadingOnSocket(options).connect(options)
  const reader = new LendingReader()
  const lending = {
    ...options,
    onread: {
      buffer: () => reader.buffer,
      callback: (length: number): boolean => reader.onRead(socket, length),
    },
  }
  const socket: Socket = new ReadingOnSocket(lending)
  readers.set(socket, reader)
  return socket.connect(lending)
}

/** From now on bulk data of the stream is offered to the borrower. Streams that lend nothing are left as they are. */
export function borrowReads(from: Duplex, borrower: Borrower | undefined): void {
  const reader = readers.get(from)
  if (reader !== undefined) reader.borrower = borrower
}

class LendingReader {
  /** Where the next read goes. */
  buffer: Buffer = landing
  borrower: Borrower | undefined

  /** @returns whether the stream takes more. */
  onRead(socket: Socket, length: number): boolean {
    const { buffer } = this
    const bytes = buffer.subarray(0, length)
    const isFull = length === buffer.length
    if (buffer === landing) {
      if (isFull && this.borrower !== undefined) this.buffer = takeSpare()
      return socket.push(Buffer.from(bytes))
    }
    const isLent = this.#lend(socket, bytes, buffer)
    this.buffer = isLent && isFull ? takeSpare() : landing
    if (isLent) return true
    const wantsMore = socket.push(Buffer.from(bytes))
    keepSpare(buffer)
    return wantsMore
  }

  #lend(socket: Socket, bytes: Buffer, buffer: Buffer): boolean {
    // Else data would wait in the stream's queue, and what was read earlier comes first.
    if (this.borrower === undefined || !socket.readableFlowing || socket.readableLength > 0)
      return false
    let isOut = true
    const isLent = this.borrower(bytes, () => {
      if (isOut) keepSpare(buffer)
      isOut = false
    })
    if (!isLent) isOut = false
    return isLent
  }
}

function takeSpare(): Buffer {
  return spares.pop() ?? Buffer.allocUnsafeSlow(BULK_BYTES)
}

function keepSpare(buffer: Buffer): void {
  if (spares.length < MAX_SPARES) spares.push(buffer)
}
