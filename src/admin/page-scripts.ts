import { readFileSync } from 'node:fs'

/** The modules of the page, as the compiler leaves them in the folder `page` beside this file. */
const SCRIPTS = ['main.js', 'elements.js', 'plots.js', 'sections.js', 'words.js']

/** The scripts by their path. @throws the system's error when one is missing. */
export function readPageScripts(): ReadonlyMap<string, string> {
  const folder = new URL('page/', import.meta.url)
  return new Map(SCRIPTS.map(name => [`/${name}`, readFileSync(new URL(name, folder), 'utf8')]))
}
