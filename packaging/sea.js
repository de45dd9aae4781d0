// Puts node and the program into one file, by node's own means: npm run sea. It needs a node that knows `--build-sea` and
// "useVfs" (26.10 does); SEA_NODE names it where the node that runs this is an older one.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const OUTPUT = join(ROOT, 'dist-sea', process.platform === 'win32' ? 'tsntlm.exe' : 'tsntlm')
const NEEDED_AT_RUN_TIME = /\.(js|mjs|cjs|json|wasm)$/
const node = process.env['SEA_NODE'] ?? process.execPath

const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
if (Number(/^v(\d+)/.exec(version)?.[1]) < 26) {
  console.error(
    `${node} is ${version}, which cannot build a single file: use 26.10 or newer\n` +
      'for example: npm install --prefix /tmp/node26 node@26\n' +
      '             SEA_NODE=/tmp/node26/node_modules/node/bin/node npm run sea',
  )
  process.exit(1)
}

/** The files below a folder, without the modules inside a module: npm lists those by themselves. */
function filesOf(folder) {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesOf(path)
    return NEEDED_AT_RUN_TIME.test(entry.name) ? [path] : []
  })
}

const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
const listed = execFileSync(npm, ['ls', '--omit=dev', '--all', '--parseable'], {
  cwd: ROOT,
  encoding: 'utf8',
})
const modules = listed.trim().split('\n').slice(1)
const files = [
  'package.json',
  ...['dist', ...modules.map(path => relative(ROOT, path))].flatMap(filesOf),
]

const work = mkdtempSync(join(tmpdir(), 'tsntlm-sea-'))
try {
  mkdirSync(join(ROOT, 'dist-sea'), { recursive: true })
  const main = join(work, 'main.cjs')
  writeFileSync(
    main,
    `process.env.UV_THREADPOOL_SIZE ??= '16' // as in bin/tsntlm.js
const args = process.argv.slice(2)
if (process.send !== undefined && /[\\\\/]workers[\\\\/]process\\.js$/.test(args[0] ?? '')) require('./dist/workers/process.js')
else require('./dist/cli/main.js').main(args)
`,
  )
  const config = {
    main,
    output: OUTPUT,
    disableExperimentalSEAWarning: true,
    // The program finds its modules, and its package.json, as files.
    useVfs: true,
    assets: Object.fromEntries(files.map(path => [path.replaceAll('\\', '/'), join(ROOT, path)])),
  }
  writeFileSync(join(work, 'sea.json'), JSON.stringify(config))
  execFileSync(node, ['--build-sea', join(work, 'sea.json')], { stdio: 'inherit' })
} finally {
  rmSync(work, { recursive: true })
}

const expected = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version
const found = execFileSync(OUTPUT, ['--version'], { encoding: 'utf8' }).trim()
if (found !== expected) {
  console.error(`${OUTPUT} does not work: it says ${found} instead of ${expected}`)
  process.exit(1)
}
console.log(`${OUTPUT} is ready`)
