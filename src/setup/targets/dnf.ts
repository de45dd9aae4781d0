import { type Facts } from '../facts.ts'
import { NOTHING, type Plan, proxyUrl, PUBLIC, type Target } from '../plan.ts'

export const DNF: Target = {
  name: 'dnf',
  summary: 'dnf (/etc/dnf/dnf.conf)',
  plan: facts => planFor('/etc/dnf/dnf.conf', 'dnf', facts),
}

/** Where dnf has taken over, /etc/yum.conf is a link to its file. */
export const YUM: Target = {
  name: 'yum',
  summary: 'yum (/etc/yum.conf)',
  plan: facts => planFor('/etc/yum.conf', 'yum', facts),
}

function planFor(path: string, program: string, facts: Facts): Plan {
  return {
    ...NOTHING,
    files: [
      {
        path,
        why: 'the proxy of all repositories',
        format: 'ini',
        mode: PUBLIC,
        settings: [{ key: ['main', 'proxy'], value: proxyUrl(facts.host) }],
      },
    ],
    warnings: [
      `${program} has no list of exceptions: NoProxy of tsntlm does that, or proxy=_none_ in the section of a repository`,
    ],
    commands: [`${program} clean metadata`, `${program} makecache`],
  }
}
