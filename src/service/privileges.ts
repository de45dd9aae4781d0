import { chownSync, mkdirSync, statSync } from 'node:fs'
import { ProxyError } from '../core/index.ts'

/** The user that the process becomes once its ports are bound. */
export interface Identity {
  readonly uid: number
  readonly gid: number
  /** All groups, including `gid`. */
  readonly groups: readonly number[]
}

/** The contents of /etc/passwd (passwd(5)) and /etc/group (group(5)). */
export interface AccountFiles {
  readonly passwd: string
  readonly group: string
}

/** The largest user ID: the next number means "leave unchanged" to chown(2) and setuid(2). */
const LARGEST_ID = 0xffff_fffe

/**
 * Resolves a user name or number. As with cntlm, a number is also the group, and the only one.
 * @throws ProxyError CONFIG when there is no such user, or it is root.
 */
export function resolveIdentity(user: string, files: AccountFiles): Identity {
  const number = Number(user)
  const identity = isNumber(user)
    ? { uid: number, gid: number, groups: [number] }
    : lookUp(user, files)
  if (identity === undefined || identity.uid > LARGEST_ID) {
    const detail = `there is no user ${JSON.stringify(user)} in /etc/passwd: give the number of the user`
    throw new ProxyError('CONFIG', { detail })
  }
  if (identity.uid === 0) {
    const detail = `${user} is root: name a user without privileges`
    throw new ProxyError('CONFIG', { detail })
  }
  return identity
}

function lookUp(user: string, { passwd, group }: AccountFiles): Identity | undefined {
  const [, , uid = '', gid = ''] = entries(passwd).find(([name]) => name === user) ?? []
  if (!isNumber(uid) || !isNumber(gid)) return undefined
  const others = entries(group)
    .filter(([, , number = '', members = '']) => {
      return isNumber(number) && members.split(',').includes(user)
    })
    .map(([, , number]) => Number(number))
  return { uid: Number(uid), gid: Number(gid), groups: [...new Set([Number(gid), ...others])] }
}

function entries(text: string): string[][] {
  return text.split('\n').map(line => line.split(':'))
}

function isNumber(text: string): boolean {
  return /^[0-9]+$/.test(text)
}

/** A new directory belongs to root and would not be accessible to the user. An existing one is left to the administrator. */
export function makeDirectoryFor(identity: Identity, directory: string): void {
  const isNew = mkdirSync(directory, { recursive: true, mode: 0o700 }) !== undefined
  if (isNew) chownSync(directory, identity.uid, identity.gid)
}

/** Drops root permanently. Groups come first, because only root can change them. */
export function becomeUser({ uid, gid, groups }: Identity): void {
  process.setgroups?.([...groups])
  process.setgid?.(gid)
  process.setuid?.(uid)
}

/** Switches to the owner of the directory, who could not read files written there by root. */
export function becomeOwnerOf(directory: string): void {
  const owner = statSync(directory, { throwIfNoEntry: false })
  if (process.getuid?.() !== 0 || owner === undefined || owner.uid === 0) return
  becomeUser({ uid: owner.uid, gid: owner.gid, groups: [owner.gid] })
}
