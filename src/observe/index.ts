export { createEventLog, type EventLog } from './event-log.ts'
export { leadsToJournal } from './journal.ts'
export { LogFile, type LogFileOptions } from './log-file.ts'
export {
  createLogger,
  type LogFormat,
  type Logger,
  type LoggerOptions,
  type LogLevel,
} from './logger.ts'
export {
  createStatistics,
  type Durations,
  type FailedRequest,
  type Failure,
  type RefusedConfiguration,
  type Statistics,
  type StatisticsSnapshot,
} from './statistics.ts'
