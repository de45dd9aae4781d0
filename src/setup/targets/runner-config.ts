import { posix } from 'node:path'
import type { Facts } from '../facts.ts'
import { MalformedFile } from '../formats/format.ts'
import { type RunnerFacts, runnersIn } from '../formats/runner-toml.ts'
import { type PlannedFile, type PlanOptions, PRIVATE, type Setting } from '../plan.ts'

/** Where gitlab-runner keeps its configuration, in system mode and in user mode. */
export function runnerConfigPath({ isRoot, home }: Facts): string {
  return isRoot ? '/etc/gitlab-runner/config.toml' : posix.join(home, '.gitlab-runner/config.toml')
}

/** Whether jobs run in a shell that reads `export`, `&&` and `'`. */
export function isPosixShell({ shell, executor }: RunnerFacts): boolean {
  return !/powershell|pwsh|cmd/.test(shell) && !executor.includes('windows')
}

export interface RunnerPlan {
  readonly files: readonly PlannedFile[]
  readonly warnings: readonly string[]
}

/** The settings for each `[[runners]]` of the file; nothing but a warning where there is none yet. */
export function runnerConfigFile(
  facts: Facts,
  { read }: PlanOptions,
  settingsOf: (runner: RunnerFacts) => readonly Setting[],
): RunnerPlan {
  const path = runnerConfigPath(facts)
  const runners = readRunners(path, read(path) ?? '')
  if (runners.length === 0)
    return {
      files: [],
      warnings: [`${path} has no [[runners]]: register the runner first, then run this again`],
    }
  const file: PlannedFile = {
    path,
    why: 'what GitLab Runner sets and runs in each job',
    format: 'runner-toml',
    mode: PRIVATE,
    settings: runners.flatMap(settingsOf),
  }
  const warnings = runners
    .filter(runner => !isPosixShell(runner))
    .map(({ id }) => `runner ${id} uses another shell than sh: its scripts are left alone`)
  return { files: [file], warnings }
}

function readRunners(path: string, text: string): RunnerFacts[] {
  try {
    return runnersIn(text)
  } catch (error) {
    throw error instanceof MalformedFile
      ? new MalformedFile(error.line, error.message, path)
      : error
  }
}
