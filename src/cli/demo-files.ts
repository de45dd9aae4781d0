import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface CertificateFile {
  readonly file: string
  remove(): Promise<void>
}

/** Puts the demo's certificate where curl can be pointed to. */
export async function writeCertificate(pem: string): Promise<CertificateFile> {
  const directory = await mkdtemp(join(tmpdir(), 'tsntlm-demo-'))
  const file = join(directory, 'ca.pem')
  await writeFile(file, pem)
  return { file, remove: async () => rm(directory, { recursive: true, force: true }) }
}
