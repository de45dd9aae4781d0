import { posix } from 'node:path'
import { JAVA, renderNoProxy } from '../no-proxy.ts'
import { NOTHING, PRIVATE, type Target } from '../plan.ts'
import { xmlText } from '../quote.ts'
import { droppedWarning } from '../variables.ts'

const PROTOCOLS = ['https', 'http']

/** Java takes proxies from no variable. The protocol is that of the repository; the proxy itself speaks http. */
export const MAVEN: Target = {
  name: 'maven',
  summary: 'Maven (~/.m2/settings.xml)',
  plan(facts) {
    const { entries, dropped } = renderNoProxy(facts.noProxy, JAVA)
    const { host, port } = facts.host
    const settings = PROTOCOLS.map(protocol => {
      const id = `tsntlm-${protocol}`
      const fields = {
        id,
        active: 'true',
        protocol,
        host,
        port: String(port),
        nonProxyHosts: entries.join('|'),
      }
      const elements = Object.entries(fields).map(
        ([name, value]) => `<${name}>${xmlText(value)}</${name}>`,
      )
      return { key: [id], value: elements.join('') }
    })
    return {
      ...NOTHING,
      files: [
        {
          path: posix.join(facts.home, '.m2/settings.xml'),
          why: 'a proxy for repositories on http and one for https',
          format: 'maven-settings',
          mode: PRIVATE,
          settings,
        },
      ],
      warnings: droppedWarning(dropped),
      commands: ['mvn help:effective-settings'],
    }
  },
}
