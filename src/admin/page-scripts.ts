import { readFile } from 'node:fs/promises'

/** The modules of the page, as the compiler leaves them in the folder `page` beside this file. */
const SCRIPTS = ['main.js', 'elements.js', 'plots.js', 'sections.js', 'words.js']

/** The scripts by their path. @throws the system's error when one is missing. */
export async function readPageScripts(): Promise<ReadonlyMap<string, string>> {
  const folder = new URL('page/', import.meta.url)
  return new Map(
    await Promise.all(
      SCRIPTS.map(
        async name => [`/${name}`, await readFile(new URL(name, folder), 'utf8')] as const,
      ),
    ),
  )
}
