import type { HostPort } from '../core/index.ts'
import { type NoProxyDialect, renderNoProxy } from './no-proxy.ts'
import { proxyUrl } from './plan.ts'
import { shellQuote } from './quote.ts'

export interface Variables {
  /** In both cases: there is no standard, and curl takes http_proxy only in lower case. */
  readonly values: readonly (readonly [name: string, value: string])[]
  readonly warnings: readonly string[]
}

/** The variables that programs take their proxies from. `extra` goes to the list of exceptions as it is. */
export function proxyVariables(
  proxy: HostPort,
  noProxy: readonly string[],
  dialect: NoProxyDialect,
  extra: readonly string[] = [],
): Variables {
  const url = proxyUrl(proxy)
  const { entries, dropped } = renderNoProxy(noProxy, dialect, extra)
  const values = Object.entries({
    http_proxy: url,
    https_proxy: url,
    no_proxy: entries.join(','),
  })
  return {
    values: values.flatMap(([name, value]) => [
      [name, value] as const,
      [name.toUpperCase(), value] as const,
    ]),
    warnings: droppedWarning(dropped),
  }
}

/** What a reader cannot be told loses nothing where tsntlm itself goes directly. */
export function droppedWarning(dropped: readonly string[]): string[] {
  return dropped.length === 0
    ? []
    : [
        `not carried over from NoProxy: ${dropped.join(', ')} (no words for it here; tsntlm itself goes directly there)`,
      ]
}

export type ShellName = 'sh' | 'fish' | 'powershell'

/** Lines that a shell evaluates. */
export function exportLines(variables: Variables['values'], shell: ShellName): string[] {
  return variables.map(([name, value]) => {
    switch (shell) {
      case 'sh':
        return `export ${name}=${shellQuote(value)}`
      case 'fish':
        return `set -gx ${name} '${value.replace(/['\\]/g, '\\$&')}'`
      case 'powershell':
        return `$env:${name} = '${value.replaceAll("'", "''")}'`
    }
  })
}

export function unsetLines(variables: Variables['values'], shell: ShellName): string[] {
  const names = variables.map(([name]) => name)
  switch (shell) {
    case 'sh':
      return [`unset ${names.join(' ')}`]
    case 'fish':
      return names.map(name => `set -e ${name}`)
    case 'powershell':
      return names.map(name => `Remove-Item Env:${name} -ErrorAction SilentlyContinue`)
  }
}
