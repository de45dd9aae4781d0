import { fstatSync } from 'node:fs'

/**
 * Whether a file descriptor leads to the systemd journal: JOURNAL_STREAM (systemd.exec(5)) is `device:inode` of the stream
 * that a service got. The variable alone says nothing, as children inherit it when their output goes elsewhere.
 */
export function leadsToJournal(fd: number, journalStream: string | undefined): boolean {
  if (journalStream === undefined) return false
  const { dev, ino } = fstatSync(fd, { bigint: true })
  return journalStream === `${dev}:${ino}`
}
