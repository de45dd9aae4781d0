import type { Browser } from 'playwright-core'
import { program } from './programs.ts'

/** Root has no sandbox, and a browser that is tested calls nobody by itself. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Debian's Chromium without a window, with a profile of its own. */
export async function startChromium(): Promise<Browser> {
  const { chromium } = await import('playwright-core')
  return await chromium.launch({ executablePath: program('chromium'), args: FLAGS })
}
