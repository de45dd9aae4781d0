import { HOSTS_ONLY, renderNoProxy } from '../no-proxy.ts'
import { NOTHING, proxyUrl, PUBLIC, type Target } from '../plan.ts'
import { droppedWarning } from '../variables.ts'

const SCHEMES = ['http', 'https']

export const APT_TARGET: Target = {
  name: 'apt',
  summary: 'apt and apt-get (/etc/apt/apt.conf.d/95tsntlm)',
  plan(facts) {
    const { entries, dropped } = renderNoProxy(facts.noProxy, HOSTS_ONLY)
    // The name of a host follows "::", so an IPv6 address has no place there.
    const hosts = entries.filter(entry => !entry.includes(':'))
    const settings = SCHEMES.flatMap(scheme => {
      const name = `Acquire::${scheme}::Proxy`
      return [
        { key: [name], value: proxyUrl(facts.host) },
        ...hosts.map(host => ({ key: [`${name}::${host}`], value: 'DIRECT' })),
      ]
    })
    return {
      ...NOTHING,
      files: [
        {
          path: '/etc/apt/apt.conf.d/95tsntlm',
          why: 'the proxy, and hosts that are reached directly',
          format: 'apt',
          mode: PUBLIC,
          settings,
        },
      ],
      warnings: droppedWarning(dropped),
      commands: ['apt-config dump Acquire::http'],
    }
  },
}
