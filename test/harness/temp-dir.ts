import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type t from 'tap'

type Test = Pick<typeof t, 'teardown'>

/** A fresh directory that only its owner can enter; gone when the test ends. */
export function makeTempDir(test: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsntlm-test-'))
  test.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
