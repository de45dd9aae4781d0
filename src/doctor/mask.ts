/**
 * The address of a proxy as it may be shown: without its password. Whatever stands before the last `@` counts as user
 * information, because a password that is not encoded can hold anything.
 */
export function maskProxy(value: string): string {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*:\/\/)?(.*)$/is.exec(value) ?? []
  const at = rest.lastIndexOf('@')
  if (at === -1) return value
  const [user = ''] = rest.slice(0, at).split(':')
  return `${scheme}${user}:***${rest.slice(at)}`
}

/** Whether the address of a proxy holds a password. */
export function hasPassword(value: string): boolean {
  return /^([a-z][a-z0-9+.-]*:\/\/)?[^:]*:.*@/is.test(value.replace(/^[a-z][a-z0-9+.-]*:\/\//i, ''))
}
