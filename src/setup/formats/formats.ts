import type { Format } from './format.ts'
import { JSON_FORMAT } from './json.ts'
import {
  APT,
  CURLRC,
  DROP_IN,
  GIT,
  INI,
  NPMRC,
  PROFILE,
  PROPERTIES,
  WGETRC,
  YARNRC,
  YARNRC_YML,
} from './line-styles.ts'
import { lineFormat } from './lines.ts'
import { MAVEN_SETTINGS } from './maven-settings.ts'
import { RUNNER_TOML } from './runner-toml.ts'

/** By the names that stand in the record of what was written. */
export const FORMATS = {
  apt: lineFormat(APT),
  curlrc: lineFormat(CURLRC),
  'drop-in': lineFormat(DROP_IN),
  git: lineFormat(GIT),
  ini: lineFormat(INI),
  json: JSON_FORMAT,
  'maven-settings': MAVEN_SETTINGS,
  npmrc: lineFormat(NPMRC),
  profile: lineFormat(PROFILE),
  properties: lineFormat(PROPERTIES),
  'runner-toml': RUNNER_TOML,
  wgetrc: lineFormat(WGETRC),
  yarnrc: lineFormat(YARNRC),
  'yarnrc-yml': lineFormat(YARNRC_YML),
} as const satisfies Record<string, Format>

export type FormatName = keyof typeof FORMATS

export function isFormatName(name: string): name is FormatName {
  return Object.hasOwn(FORMATS, name)
}
