import { posix } from 'node:path'
import { JAVA, renderNoProxy } from '../no-proxy.ts'
import { NOTHING, PRIVATE, type Target } from '../plan.ts'
import { droppedWarning } from '../variables.ts'

export const GRADLE: Target = {
  name: 'gradle',
  summary: 'Gradle (~/.gradle/gradle.properties)',
  plan(facts) {
    const { entries, dropped } = renderNoProxy(facts.noProxy, JAVA)
    const { host, port } = facts.host
    const values = {
      'systemProp.http.proxyHost': host,
      'systemProp.http.proxyPort': String(port),
      'systemProp.https.proxyHost': host,
      'systemProp.https.proxyPort': String(port),
      // The JDK takes this list for https as well.
      'systemProp.http.nonProxyHosts': entries.join('|'),
    }
    return {
      ...NOTHING,
      files: [
        {
          path: posix.join(facts.home, '.gradle/gradle.properties'),
          why: 'system properties of the JDK',
          format: 'properties',
          mode: PRIVATE,
          settings: Object.entries(values).map(([name, value]) => ({ key: [name], value })),
        },
      ],
      warnings: droppedWarning(dropped),
      commands: ['gradle --stop   # a daemon that runs keeps its properties'],
    }
  },
}
