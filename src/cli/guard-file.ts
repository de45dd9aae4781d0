import { homedir } from 'node:os'
import type { Config } from '../config/index.ts'
import { systemEntropy } from '../core/index.ts'
import {
  becomeOwnerOf,
  becomeUser,
  chooseStateDirectory,
  fileGuardStore,
  type GuardStore,
  type Identity,
  makeDirectoryFor,
} from '../service/index.ts'

/** The record that the proxy itself keeps. Root becomes the user it is for, and stays it. */
export function openGuardStore(
  { stateDirectory }: Pick<Config, 'stateDirectory'>,
  identity: Identity | undefined,
  complain: (line: string) => void,
): GuardStore {
  const directory = chooseStateDirectory({
    configured: stateDirectory,
    env: process.env,
    isRoot: process.getuid?.() === 0,
    home: homedir(),
  })
  if (identity === undefined) {
    becomeOwnerOf(directory)
  } else {
    makeDirectoryFor(identity, directory)
    becomeUser(identity)
  }
  return fileGuardStore(directory, systemEntropy, event => {
    if (event.type === 'guard.storeFailed')
      complain(`the times of failed logons cannot be kept in ${event.file}: ${event.reason}`)
  })
}
