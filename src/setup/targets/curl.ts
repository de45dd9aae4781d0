import { posix } from 'node:path'
import { PORTABLE, renderNoProxy } from '../no-proxy.ts'
import { NOTHING, PRIVATE, proxyUrl, type Target } from '../plan.ts'
import { droppedWarning } from '../variables.ts'

export const CURL: Target = {
  name: 'curl',
  summary: 'curl (~/.curlrc)',
  plan(facts) {
    const { entries, dropped } = renderNoProxy(facts.noProxy, PORTABLE)
    return {
      ...NOTHING,
      files: [
        {
          path: posix.join(facts.home, '.curlrc'),
          why: 'proxy and noproxy of the curl command; programs with libcurl do not read it',
          format: 'curlrc',
          mode: PRIVATE,
          settings: [
            { key: ['proxy'], value: proxyUrl(facts.host) },
            { key: ['noproxy'], value: entries.join(',') },
          ],
        },
      ],
      warnings: droppedWarning(dropped),
      commands: ['curl -sv -o /dev/null http://example.com/'],
    }
  },
}
