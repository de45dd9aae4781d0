import type { Socket } from 'node:net'
import { type TcpNetConnectOpts } from 'node:net'
import type { Duplex } from 'node:stream'
import { ReadingOnSocket } from './reading-on-socket.ts'

/**
 * Receives bytes on loan. They stay intact until `giveBack` is called; if it never is, the borrower keeps them.
 * @returns false to receive a copy as 'data' instead.
 */
export type Borrower = (bytes: Buffer, giveBack: () => void) => boolean

const LANDING_BYTES = 64 * 1024
const BULK_BYTES = 256 * 1024
const MAX_SPARES = 8

/** Shared by all sockets: its content is copied before the next read. */
const landing = Buffer.allocUnsafeSlow(LANDING_BYTES)
const spares: Buffer[] = []
const readers = new WeakMap<Duplex, LendingReader>()

/**
 * Opens a socket whose reads can be borrowed. node allocates 64 KiB for each read, and the system clears them, which
 * costs more than copying bulk data twice. Here a socket that fills `landing` reads into reusable buffers of 256 KiB
 * for as long as it fills those too, which doubles the throughput of one tunnel. Other sockets have no buffer of their
 * own.
 */
export function connectLending(options: TcpNetConnectOpts): Socket {
  // On Windows the system has reads pending into the buffers of all sockets at the same time.
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

/** Offers the stream's bulk data to the borrower from now on. No effect on streams that do not lend. */
export function borrowReads(from: Duplex, borrower: Borrower | undefined): void {
  const reader = readers.get(from)
  if (reader !== undefined) reader.borrower = borrower
}

class LendingReader {
  /** The buffer for the next read. */
  buffer: Buffer = landing
  borrower: Borrower | undefined

  /** @returns whether the stream wants more. */
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
    // Otherwise the data would wait in the stream's queue, or overtake data that is already there.
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
