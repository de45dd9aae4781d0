import { posix } from 'node:path'
import { NOTHING, PRIVATE, proxyUrl, type Target } from '../plan.ts'

export const YARN: Target = {
  name: 'yarn',
  summary: 'Yarn 1 (~/.yarnrc) and Yarn 2 and later (~/.yarnrc.yml)',
  plan(facts) {
    const url = proxyUrl(facts.host)
    return {
      ...NOTHING,
      files: [
        {
          path: posix.join(facts.home, '.yarnrc'),
          why: 'Yarn 1',
          format: 'yarnrc',
          mode: PRIVATE,
          settings: [
            { key: ['proxy'], value: url },
            { key: ['https-proxy'], value: url },
          ],
        },
        {
          path: posix.join(facts.home, '.yarnrc.yml'),
          why: 'Yarn 2 and later',
          format: 'yarnrc-yml',
          mode: PRIVATE,
          settings: [
            { key: ['httpProxy'], value: url },
            { key: ['httpsProxy'], value: url },
          ],
        },
      ],
      warnings: ['Yarn has no list of exceptions in its files: NoProxy of tsntlm does that'],
      commands: ['yarn config get httpsProxy   # Yarn 1: https-proxy'],
    }
  },
}
