import { NOTHING, type Target } from '../plan.ts'
import { GO, PORTABLE } from '../no-proxy.ts'
import { shellQuote } from '../quote.ts'
import { proxyVariables } from '../variables.ts'
import { containerWarnings } from './client-config.ts'
import { dropIn, dropInCommands } from './drop-in.ts'

/** buildkitd.toml has no setting for a proxy: the daemon reads the variables of its own process. */
export const BUILDKIT: Target = {
  name: 'buildkit',
  summary:
    'buildkitd: pulls of base images (drop-in of buildkit.service, and a builder of docker buildx)',
  plan(facts) {
    const { file, warnings } = dropIn('buildkit', facts.host, facts)
    const builder = proxyVariables(facts.container, facts.noProxy, GO).values
    const options = builder.map(([name, value]) => `--driver-opt ${driverOption(name, value)}`)
    const build = proxyVariables(facts.container, facts.noProxy, PORTABLE).values
    return {
      ...NOTHING,
      files: [file],
      warnings: [...containerWarnings(facts), ...warnings],
      commands: dropInCommands('buildkit'),
      notes: [
        'buildkitd.toml has no setting for a proxy, so the variables of the daemon are set.',
        'The builder of dockerd itself needs nothing of this: see the target docker.',
        'A builder in a container must be made anew with them:',
        ['  docker buildx create --name tsntlm --driver docker-container --use', ...options].join(
          ' \\\n    ',
        ),
        'RUN steps see a proxy only as build arguments (from the target docker-client, or by hand):',
        `  docker buildx build ${build.map(([name, value]) => `--build-arg ${shellQuote(`${name}=${value}`)}`).join(' \\\n    ')} .`,
      ],
    }
  },
}

/** The option is a CSV record, so a value with commas stands in double quotes (docs of the docker-container driver). */
function driverOption(name: string, value: string): string {
  const pair = `env.${name}=${value}`
  return value.includes(',') ? `'"${pair}"'` : shellQuote(pair)
}
