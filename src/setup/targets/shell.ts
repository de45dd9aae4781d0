import { posix } from 'node:path'
import { NOTHING, PRIVATE, type Target } from '../plan.ts'

/** Asked at each login instead of written down, so it follows the configuration. */
export const SHELL: Target = {
  name: 'shell',
  summary: 'the variables of login shells (~/.profile)',
  plan: (facts, { envCommand }) => ({
    ...NOTHING,
    files: [
      {
        path: posix.join(facts.home, '.profile'),
        why: 'http_proxy, https_proxy and no_proxy in both cases, from tsntlm env',
        format: 'profile',
        mode: PRIVATE,
        settings: [{ key: ['eval'], value: envCommand }],
      },
    ],
    commands: [`eval "$(${envCommand})"   # in the shell that runs already`],
    notes: ['bash does not read ~/.profile where there is a ~/.bash_profile.'],
  }),
}
