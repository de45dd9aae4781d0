import { posix } from 'node:path'
import { NOTHING, PRIVATE, proxyUrl, type Target } from '../plan.ts'

/** `http.proxy` serves https:// too; there is no list of exceptions, git takes that from the environment. */
export const GIT_TARGET: Target = {
  name: 'git',
  summary: 'git over http and https (~/.gitconfig)',
  plan: facts => ({
    ...NOTHING,
    files: [
      {
        path: posix.join(facts.home, '.gitconfig'),
        why: 'http.proxy, for http and https',
        format: 'git',
        mode: PRIVATE,
        settings: [{ key: ['http', 'proxy'], value: proxyUrl(facts.host) }],
      },
    ],
    warnings:
      facts.noProxy.length === 0
        ? []
        : ['git has no list of exceptions in its files: NoProxy of tsntlm does that, and no_proxy'],
    commands: ['git config --global --get http.proxy'],
  }),
}
