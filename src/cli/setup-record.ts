import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { chooseStateDirectory } from '../service/index.ts'
import { EMPTY_RECORD, parseRecord, type SetupRecord } from '../setup/index.ts'
import { FileTrouble, readText, removeFile, replaceFile } from './setup-files.ts'

/**
 * Where the record is: of root in a directory of its own, because that of the service may belong to the service's account, which
 * must not decide what root restores.
 */
export function recordPath(root: string): string {
  const isRoot = process.getuid?.() === 0
  const home = homedir()
  const directory = isRoot
    ? '/var/lib/tsntlm-setup'
    : chooseStateDirectory({ configured: undefined, env: process.env, isRoot, home })
  return join(root, directory, 'setup.json')
}

/** @throws FileTrouble */
export function loadRecord(path: string): SetupRecord {
  const text = readText(path)
  if (text === undefined) return EMPTY_RECORD
  const record = parseRecord(text)
  if (record === undefined)
    throw new FileTrouble('it is no record of tsntlm setup: move it away; files stay as they are')
  return record
}

/** An empty record is no file. @throws FileTrouble that names the record */
export function saveRecord(path: string, record: SetupRecord): void {
  const text = `${JSON.stringify(record, null, 2)}\n`
  try {
    if (record.files.length === 0) removeFile(path, [dirname(path)])
    else replaceFile(path, text, { mode: 0o600, directoryMode: 0o755 })
  } catch (error) {
    if (!(error instanceof FileTrouble)) throw error
    throw new FileTrouble(`its record ${path} cannot be written: ${error.message}`)
  }
}
