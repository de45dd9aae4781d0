import type { Facts } from '../facts.ts'
import type { Target } from '../plan.ts'
import { shellQuote } from '../quote.ts'
import { clientConfigFile, clientProxies } from './client-config.ts'
import { isPosixShell, runnerConfigFile } from './runner-config.ts'

export const DIND: Target = {
  name: 'dind',
  summary:
    'Docker in Docker in GitLab jobs (~/.docker/config.json, pre_build_script in config.toml)',
  plan(facts, options) {
    const script = jobScript(facts)
    const runner = runnerConfigFile(facts, options, each =>
      isPosixShell(each) ? [{ key: ['runners', each.id, 'pre_build_script'], value: script }] : [],
    )
    return {
      files: [clientConfigFile(facts), ...runner.files],
      warnings: [...clientProxies(facts).warnings, ...runner.warnings],
      commands: ['systemctl restart gitlab-runner'],
      notes: [
        'The daemon of the service docker:dind takes the variables of "environment": see the target gitlab-runner.',
        'Without access to config.toml the same goes into .gitlab-ci.yml:',
        ['  before_script:', '    - |', ...script.split('\n').map(line => `      ${line}`)].join(
          '\n',
        ),
      ],
    }
  },
}

/** Leaves a config.json alone that the image or an earlier step brought, for it may hold a login. */
function jobScript(facts: Facts): string {
  const { httpProxy, httpsProxy, noProxy } = clientProxies(facts)
  const config = JSON.stringify({ proxies: { default: { httpProxy, httpsProxy, noProxy } } })
  return [
    'if [ ! -e "$HOME/.docker/config.json" ]; then',
    '  mkdir -p "$HOME/.docker"',
    `  printf '%s\\n' ${shellQuote(config)} > "$HOME/.docker/config.json"`,
    'fi',
  ].join('\n')
}
