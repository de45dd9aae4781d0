import type { Socket } from 'node:net'
import type { FromWorker, ToWorker } from './messages.ts'

/** A worker process as seen by its parent. */
export interface Channel {
  readonly pid: number
  /**
   * Messages sent after the worker has ended are lost. A socket stays open in this process too, until it is destroyed
   * once it has arrived.
   */
  send(message: ToWorker, socket?: Socket): void
  onMessage(listener: (message: FromWorker) => void): void
  /** Called once, after its last message. @param reason how it ended. */
  onEnd(listener: (reason: string) => void): void
  /** Lets the worker shut down. */
  close(): void
  /** Ends the worker immediately. */
  kill(): void
}
