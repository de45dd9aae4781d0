import { posix } from 'node:path'
import { NOTHING, PRIVATE, proxyUrl, type Target } from '../plan.ts'

export const PIP: Target = {
  name: 'pip',
  summary: 'pip (~/.config/pip/pip.conf)',
  plan: facts => ({
    ...NOTHING,
    files: [
      {
        path: posix.join(facts.home, '.config/pip/pip.conf'),
        why: 'proxy of every command',
        format: 'ini',
        mode: PRIVATE,
        settings: [{ key: ['global', 'proxy'], value: proxyUrl(facts.host) }],
      },
    ],
    warnings:
      facts.noProxy.length === 0
        ? []
        : ['pip has no list of exceptions in its file: NoProxy of tsntlm does that, and no_proxy'],
    commands: ['pip config get global.proxy'],
  }),
}
