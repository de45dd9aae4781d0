import type { Target } from '../plan.ts'
import { APT_TARGET } from './apt.ts'
import { BUILDKIT } from './buildkit.ts'
import { CURL } from './curl.ts'
import { DIND } from './dind.ts'
import { DNF, YUM } from './dnf.ts'
import { DOCKER } from './docker.ts'
import { DOCKER_CLIENT } from './docker-client.ts'
import { GIT_TARGET } from './git.ts'
import { GITLAB_RUNNER } from './gitlab-runner.ts'
import { GO_TARGET } from './go.ts'
import { GRADLE } from './gradle.ts'
import { MAVEN } from './maven.ts'
import { NPM } from './npm.ts'
import { PIP } from './pip.ts'
import { SHELL } from './shell.ts'
import { WGET } from './wget.ts'
import { YARN } from './yarn.ts'

/** What `tsntlm setup` knows; docs/setup.md has a section for each. */
export const TARGETS: readonly Target[] = [
  DOCKER,
  DOCKER_CLIENT,
  BUILDKIT,
  GITLAB_RUNNER,
  DIND,
  GIT_TARGET,
  NPM,
  YARN,
  PIP,
  APT_TARGET,
  DNF,
  YUM,
  MAVEN,
  GRADLE,
  CURL,
  WGET,
  GO_TARGET,
  SHELL,
]

export function findTarget(name: string): Target | undefined {
  return TARGETS.find(target => target.name === name)
}
