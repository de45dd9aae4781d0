import { posix } from 'node:path'
import { PORTABLE, renderNoProxy } from '../no-proxy.ts'
import { NOTHING, PRIVATE, proxyUrl, type Target } from '../plan.ts'
import { droppedWarning } from '../variables.ts'

export const WGET: Target = {
  name: 'wget',
  summary: 'wget (~/.wgetrc)',
  plan(facts) {
    const { entries, dropped } = renderNoProxy(facts.noProxy, PORTABLE)
    const values = {
      use_proxy: 'on',
      http_proxy: proxyUrl(facts.host),
      https_proxy: proxyUrl(facts.host),
      no_proxy: entries.join(','),
    }
    return {
      ...NOTHING,
      files: [
        {
          path: posix.join(facts.home, '.wgetrc'),
          why: 'the proxies of wget',
          format: 'wgetrc',
          mode: PRIVATE,
          settings: Object.entries(values).map(([name, value]) => ({ key: [name], value })),
        },
      ],
      warnings: droppedWarning(dropped),
      commands: ['wget -O /dev/null http://example.com/'],
    }
  },
}
