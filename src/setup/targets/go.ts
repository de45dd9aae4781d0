import { GO, renderNoProxy } from '../no-proxy.ts'
import { NOTHING, type Target } from '../plan.ts'

/** `go env -w` takes the variables of Go alone: a file for the proxy does not exist. */
export const GO_TARGET: Target = {
  name: 'go',
  summary: 'the go command (no file: it reads the variables of the shell)',
  plan(facts, { envCommand }) {
    const domains = renderNoProxy(facts.noProxy, GO)
      .entries.filter(entry => entry.startsWith('.'))
      .map(entry => `*${entry}`)
    return {
      ...NOTHING,
      notes: [
        'go reads HTTPS_PROXY and NO_PROXY from the environment, and "go env -w" does not take them:',
        `  eval "$(${envCommand})"`,
        'GOPROXY names a mirror of modules and is no proxy in this sense: leave it, tsntlm carries it.',
        ...(domains.length === 0
          ? []
          : [
              'Modules on hosts inside the company are in no public mirror:',
              `  go env -w GOPRIVATE='${domains.join(',')}'`,
            ]),
      ],
    }
  },
}
