export { createEventLog, type EventLog } from './event-log.ts'
export { leadsToJournal } from './journal.ts'
export { LineQueue } from './line-queue.ts'
export { LogFile, type LogFileOptions } from './log-file.ts'
export { createLogger, LineWriter, type Logger, type LogOutput } from './logger.ts'
export { STANDARD_OUTPUT, standardOutput } from './standard-output.ts'
export {
  createStatistics,
  type Durations,
  type FailedRequest,
  type Failure,
  type RefusedConfiguration,
  type Statistics,
  type StatisticsSnapshot,
} from './statistics.ts'
