import { PORTABLE } from '../no-proxy.ts'
import type { Facts } from '../facts.ts'
import type { RunnerFacts } from '../formats/runner-toml.ts'
import type { Setting, Target } from '../plan.ts'
import { proxyVariables } from '../variables.ts'
import { containerWarnings, DIND_PORTS } from './client-config.ts'
import { dropIn, dropInCommands } from './drop-in.ts'
import { isPosixShell, runnerConfigFile } from './runner-config.ts'

/** Runs before the sources are fetched, where the variables of `environment` are set. */
const GIT_SCRIPT = [
  'git config --global http.proxy "$HTTP_PROXY"',
  'git config --global https.proxy "$HTTPS_PROXY"',
].join('\n')

export const GITLAB_RUNNER: Target = {
  name: 'gitlab-runner',
  summary: 'GitLab Runner: the service (systemd drop-in), its jobs and their git (config.toml)',
  plan(facts, options) {
    const service = dropIn('gitlab-runner', facts.host, facts)
    const config = runnerConfigFile(facts, options, runner => settingsOf(facts, runner))
    const jobs = proxyVariables(facts.container, facts.noProxy, PORTABLE, DIND_PORTS)
    return {
      files: [service.file, ...config.files],
      warnings: [
        ...containerWarnings(facts),
        ...new Set([...service.warnings, ...jobs.warnings]),
        ...config.warnings,
      ],
      commands: dropInCommands('gitlab-runner'),
      notes: [
        'A GitLab instance inside the company belongs into NoProxy of the configuration of tsntlm.',
      ],
    }
  },
}

/** Jobs of the shell executor run on this host itself. */
function settingsOf(facts: Facts, runner: RunnerFacts): Setting[] {
  const proxy = runner.executor === 'shell' ? facts.host : facts.container
  const { values } = proxyVariables(proxy, facts.noProxy, PORTABLE, DIND_PORTS)
  const at = (...rest: string[]): string[] => ['runners', runner.id, ...rest]
  const variables = values.map(([name, value]) => ({ key: at('environment', name), value }))
  return isPosixShell(runner)
    ? [...variables, { key: at('pre_get_sources_script'), value: GIT_SCRIPT }]
    : variables
}
