import { type EnvironmentConfig, parseEnvironment } from '../config/index.ts'

/** What the environment says about the configuration. */
export interface Environment {
  readonly config: EnvironmentConfig
  /** Where systemd puts what LoadCredential= names (systemd.exec(5)). */
  readonly credentialsDirectory: string | undefined
}

let taken: Environment | undefined

/**
 * Reads the environment once, and removes the secrets from it, so that no process that is started later inherits them. A
 * configuration that is read again has what was read the first time: nobody can change the environment of a running process.
 */
export function takeEnvironment(): Environment {
  if (taken !== undefined) return taken
  const config = parseEnvironment(process.env)
  for (const name of config.secretVariables) Reflect.deleteProperty(process.env, name)
  const directory = process.env['CREDENTIALS_DIRECTORY']
  taken = {
    config,
    credentialsDirectory: directory?.startsWith('/') === true ? directory : undefined,
  }
  return taken
}
