import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { findProgram, program } from '../harness/real/programs.ts'
import { run } from '../harness/real/run.ts'
import { makeTempDir } from '../harness/temp-dir.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

t.test('npm publishes the program, its documents and its samples, and nothing else', async t => {
  const { stdout, stderr } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
  })
  const [packed] = JSON.parse(stdout.toString()) as [{ files: { path: string }[] }]
  const paths = packed.files.map(({ path }) => path)
  t.ok(paths.includes('bin/tsntlm.js') && paths.includes('conf/systemd/tsntlm.service'), stderr)
  const allowed =
    /^(bin\/([\w-]+\.js|package\.json)|dist\/[\w/-]+\.js|docs\/[\w-]+\.(md|svg)|man\/[\w.]+\.[1-8]|conf\/(systemd\/)?[\w-]+(\.\w+)+|[A-Z]+(\.md)?|package\.json)$/
  t.strictSame(
    paths.filter(path => !allowed.test(path)),
    [],
  )
})

/** The units, in a folder of their own, as systemd finds them when the program is installed. */
function installUnits(test: Parameters<typeof makeTempDir>[0]): string {
  const folder = makeTempDir(test)
  const service = read('conf/systemd/tsntlm.service')
  writeFileSync(
    join(folder, 'tsntlm.service'),
    service.replace(/^ExecStart=tsntlm$/m, 'ExecStart=/bin/true'),
  )
  writeFileSync(join(folder, 'tsntlm.socket'), read('conf/systemd/tsntlm.socket'))
  return folder
}

t.test('systemd takes the units, and finds the service shut off well', async t => {
  if (findProgram('systemd-analyze') === undefined)
    return t.comment('not installed: systemd-analyze')
  const folder = installUnits(t)
  const analyze = async (...args: string[]): Promise<void> => {
    const { code, stdout, stderr } = await run(program('systemd-analyze'), args, { cwd: folder })
    t.equal(code, 0, `${args.join(' ')}: ${stdout.toString().slice(-500)}${stderr}`)
  }
  const service = join(folder, 'tsntlm.service')
  await analyze('verify', '--man=no', service, join(folder, 'tsntlm.socket'))
  await analyze('security', '--offline=true', '--no-pager', '--threshold=20', service)
})

t.test(
  'the service starts what package.json installs, as the user that is made for it',
  async t => {
    const service = read('conf/systemd/tsntlm.service')
    const { bin } = JSON.parse(read('package.json')) as { bin: Record<string, string> }
    t.ok(Object.keys(bin).includes(/^ExecStart=(\S+)$/m.exec(service)?.[1] ?? ''))
    const user = /^User=(\S+)$/m.exec(service)?.[1] ?? ''
    t.match(read('conf/systemd/tsntlm.sysusers'), new RegExp(`^u +${user} `, 'm'))
    t.notMatch(service, /^MemoryDenyWriteExecute/m, 'the compiler of node needs such memory')
  },
)

t.test('the scripts are valid', async t => {
  const scripts = ['build.sh', 'postinst', 'prerm', 'postrm'].map(
    name => `packaging/debian/${name}`,
  )
  const labs = ['lib.sh', 'systemd.sh', 'container.sh', 'deb.sh', 'dockerd.sh'].map(
    name => `test/lab/${name}`,
  )
  for (const script of [...scripts, ...labs]) {
    const { code, stderr } = await run('bash', ['-n', script], { cwd: ROOT })
    t.equal(code, 0, `${script}: ${stderr}`)
  }
})
