import { NOTHING, type Target } from '../plan.ts'
import { clientConfigFile, clientProxies } from './client-config.ts'

export const DOCKER_CLIENT: Target = {
  name: 'docker-client',
  summary: 'docker run and docker build: the variables inside containers (~/.docker/config.json)',
  plan: facts => ({
    ...NOTHING,
    files: [clientConfigFile(facts)],
    warnings: [
      ...clientProxies(facts).warnings,
      'the docker command alone reads this file: docker compose does too, the Docker SDKs do not',
    ],
    commands: ['docker run --rm alpine env   # in new containers only'],
  }),
}
