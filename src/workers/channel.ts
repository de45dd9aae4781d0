import type { Socket } from 'node:net'
import type { FromWorker, ToWorker } from './messages.ts'

/** A worker process, as the one that started it sees it. */
export interface Channel {
  readonly pid: number
  /** What is sent after the end is lost. A socket stays open here as well, until it is destroyed after it has arrived. */
  send(message: ToWorker, socket?: Socket): void
  onMessage(listener: (message: FromWorker) => void): void
  /** Called once, after its last message. @param reason how it ended. */
  onEnd(listener: (reason: string) => void): void
  /** Lets it end what it has to end. */
  close(): void
  /** Ends it at once. */
  kill(): void
}
