import { posix } from 'node:path'
import { PORTABLE, renderNoProxy } from '../no-proxy.ts'
import { NOTHING, PRIVATE, proxyUrl, type Target } from '../plan.ts'
import { droppedWarning } from '../variables.ts'

export const NPM: Target = {
  name: 'npm',
  summary: 'npm (~/.npmrc)',
  plan(facts) {
    const { entries, dropped } = renderNoProxy(facts.noProxy, PORTABLE)
    return {
      ...NOTHING,
      files: [
        {
          path: posix.join(facts.home, '.npmrc'),
          why: 'proxy, https-proxy and noproxy',
          format: 'npmrc',
          mode: PRIVATE,
          settings: [
            { key: ['proxy'], value: proxyUrl(facts.host) },
            { key: ['https-proxy'], value: proxyUrl(facts.host) },
            { key: ['noproxy'], value: entries.join(',') },
          ],
        },
      ],
      warnings: droppedWarning(dropped),
      commands: ['npm config get proxy'],
    }
  },
}
