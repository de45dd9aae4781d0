import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runProduct } from '../harness/product.ts'
import { findProgram } from '../harness/real/programs.ts'
import { type Finished, run } from '../harness/real/run.ts'
import { makeTempDir } from '../harness/temp-dir.ts'

const URL_OF_HOST = 'http://127.0.0.1:3128'
const URL_OF_CONTAINERS = 'http://172.17.0.1:3128'

const directory = makeTempDir(t)
const config = join(directory, 'tsntlm.conf')
writeFileSync(
  config,
  [
    'Username u',
    'Password pa55-w0rd',
    'Proxy 10.0.0.41:8080',
    `Listen 172.17.0.1:3128`,
    `Listen 127.0.0.1:3128`,
    'NoProxy *.corp.test, 10.*, gitlab.example.com',
    '',
  ].join('\n'),
  { mode: 0o600 },
)

const root = join(directory, 'root')
const HOME = '/home/u'
const home = join(root, HOME)
mkdirSync(home, { recursive: true })

async function setUp(target: string): Promise<void> {
  const args = ['setup', target, '--write', '--config', config, '--root', root]
  const { code, stderr } = await runProduct(args, { env: { HOME } })
  if (code !== 0) throw new Error(stderr)
}

/** A test that writes for a target and lets the program that reads it say what it has understood. */
function reads(target: string, program: string, check: (t: Test) => Promise<void>): void {
  const skip = findProgram(program) === undefined ? `not installed: ${program}` : false
  t.test(`${program} reads what setup ${target} writes`, { skip }, async t => {
    await setUp(target)
    await check(t)
  })
}

function text({ stdout }: Finished): string {
  return stdout.toString().trim()
}

/** What Python makes of a file: an expression over `text`, printed as JSON. */
async function python(file: string, imports: string, expression: string): Promise<unknown> {
  const script = `import json, sys, ${imports}\ntext = open(sys.argv[1]).read()\nprint(json.dumps(${expression}))`
  const { code, stdout, stderr } = await run('python3', ['-c', script, file])
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout.toString())
}

reads('git', 'git', async t => {
  const list = await run('git', ['config', '--file', join(home, '.gitconfig'), '--list'])
  t.equal(text(list), `http.proxy=${URL_OF_HOST}`)
})

reads('npm', 'npm', async t => {
  const ask = (name: string): Promise<Finished> =>
    run('npm', ['config', 'get', name, '--userconfig', join(home, '.npmrc')], { cwd: home })
  t.match(text(await ask('proxy')), URL_OF_HOST)
  t.match(text(await ask('https-proxy')), URL_OF_HOST)
  t.match(text(await ask('noproxy')), '.corp.test')
})

reads('pip', 'python3', async t => {
  const file = join(home, '.config/pip/pip.conf')
  const expression =
    '(lambda c: (c.read_string(text), c["global"]["proxy"])[1])(configparser.ConfigParser())'
  t.equal(await python(file, 'configparser', expression), URL_OF_HOST)
})

reads('dnf', 'python3', async t => {
  const file = join(root, 'etc/dnf/dnf.conf')
  const expression =
    '(lambda c: (c.read_string(text), c["main"]["proxy"])[1])(configparser.ConfigParser())'
  t.equal(await python(file, 'configparser', expression), URL_OF_HOST)
})

reads('apt', 'apt-config', async t => {
  const dump = await run('apt-config', ['dump', '-c', join(root, 'etc/apt/apt.conf.d/95tsntlm')])
  t.match(dump, { code: 0, stderr: '' })
  t.match(text(dump), `Acquire::https::Proxy "${URL_OF_HOST}";`)
  t.match(text(dump), 'Acquire::http::Proxy::gitlab.example.com "DIRECT";')
})

reads('docker-client', 'docker', async t => {
  const { code, stderr } = await run('docker', ['--config', join(home, '.docker'), 'context', 'ls'])
  t.equal(code, 0)
  t.equal(stderr, '')
})

reads('curl', 'curl', async t => {
  const file = join(home, '.curlrc')
  // Nobody listens on port 1: the message names the proxy that curl took from the file.
  writeFileSync(file, readFileSync(file, 'utf8').replace('3128', '1'))
  const ask = (host: string): Promise<Finished> =>
    run('curl', ['-v', '--max-time', '5', '-K', file, `http://${host}:1/`])
  t.match((await ask('127.0.0.9')).stderr, /Trying 127\.0\.0\.1:1\b/)
  t.notMatch((await ask('localhost')).stderr, /proxy/i)
})

reads('wget', 'wget', async t => {
  const file = join(home, '.wgetrc')
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll('3128', '1'))
  const env = { WGETRC: file, LC_ALL: 'C' }
  const ask = (host: string): Promise<Finished> =>
    run('wget', ['-O', '-', '--tries=1', `http://${host}:1/`], { env })
  t.match((await ask('127.0.0.9')).stderr, /Connecting to 127\.0\.0\.1:1\.\.\./)
  t.match((await ask('localhost')).stderr, /Resolving localhost/)
})

reads('docker', 'systemd-analyze', async t => {
  const unit = join(root, 'etc/systemd/system/docker.service')
  writeFileSync(unit, '[Service]\nExecStart=/bin/true\n')
  // It cannot find the other units of a whole system, but it complains of lines that it cannot read with their file.
  const { stderr } = await run('systemd-analyze', [`--root=${root}`, 'verify', 'docker.service'])
  t.notMatch(stderr, 'tsntlm-proxy.conf')
  writeFileSync(
    join(root, 'etc/systemd/system/docker.service.d/zz.conf'),
    '[Service]\nEnvironment="A=\n',
  )
  const broken = await run('systemd-analyze', [`--root=${root}`, 'verify', 'docker.service'])
  t.match(broken.stderr, 'zz.conf')
})

const runnerFolder =
  process.getuid?.() === 0 ? join(root, 'etc/gitlab-runner') : join(home, '.gitlab-runner')
mkdirSync(runnerFolder, { recursive: true })
writeFileSync(
  join(runnerFolder, 'config.toml'),
  '[[runners]]\n  name = "a"\n  executor = "docker"\n  [runners.docker]\n    image = "i"\n',
)

reads('gitlab-runner', 'python3', async t => {
  const file = join(runnerFolder, 'config.toml')
  const environment = await python(
    file,
    'tomllib',
    'tomllib.loads(text)["runners"][0]["environment"]',
  )
  for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'])
    t.match(environment, new Set([`${name}=${URL_OF_CONTAINERS}`]), name)
  t.match(JSON.stringify(environment), /NO_PROXY=[^"]*docker:2375,docker:2376"/)
})

reads('dind', 'python3', async t => {
  const file = join(runnerFolder, 'config.toml')
  const script = await python(
    file,
    'tomllib',
    'tomllib.loads(text)["runners"][0]["pre_build_script"]',
  )
  const job = makeTempDir(t)
  t.match(await run('sh', ['-e'], { input: String(script), env: { HOME: job } }), { code: 0 })
  const made = readFileSync(join(job, '.docker/config.json'), 'utf8')
  t.same(JSON.parse(made), JSON.parse(readFileSync(join(home, '.docker/config.json'), 'utf8')))
  writeFileSync(join(job, '.docker/config.json'), 'a login')
  await run('sh', ['-e'], { input: String(script), env: { HOME: job } })
  t.equal(readFileSync(join(job, '.docker/config.json'), 'utf8'), 'a login')
})

reads('maven', 'python3', async t => {
  const file = join(home, '.m2/settings.xml')
  const expression =
    '[[f.text for f in p] for p in xml.etree.ElementTree.fromstring(text).iter("{http://maven.apache.org/SETTINGS/1.2.0}proxy")]'
  t.match(await python(file, 'xml.etree.ElementTree', expression), [
    ['tsntlm-http', 'true', 'http', '127.0.0.1', '3128', /\*\.corp\.test\|10\.\*/],
    ['tsntlm-https', 'true', 'https', '127.0.0.1', '3128', /^localhost\|/],
  ])
})

reads('maven', 'mvn', async t => {
  const { stdout } = await run('mvn', ['-o', '-s', join(home, '.m2/settings.xml'), 'validate'], {
    cwd: home,
  })
  t.match(stdout.toString(), 'there is no POM')
  t.notMatch(stdout.toString(), 'effective settings')
})

reads('shell', 'sh', async t => {
  // `tsntlm` as the profile calls it.
  const bin = join(directory, 'bin')
  mkdirSync(bin)
  const product = new URL('../../bin/tsntlm.js', import.meta.url).pathname
  writeFileSync(join(bin, 'tsntlm'), `#!/bin/sh\nexec "${process.execPath}" "${product}" "$@"\n`, {
    mode: 0o755,
  })
  const input = `. "${join(home, '.profile')}"\nenv\neval "$(tsntlm env --unset)"\necho then; env\n`
  const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}` }
  const [before = '', after = ''] = text(await run('sh', ['-e'], { input, env })).split('then\n')
  for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'])
    t.match(before, new RegExp(`^${name}=${URL_OF_HOST}$`, 'm'))
  t.match(before, /^NO_PROXY=localhost,.*gitlab\.example\.com$/m)
  t.notMatch(after, /_proxy=/i)
})
