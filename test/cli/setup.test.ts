import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { runProduct } from '../harness/product.ts'
import { makeTempDir } from '../harness/temp-dir.ts'

type Test = Parameters<typeof makeTempDir>[0]

interface Output {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** A directory with a configuration, and a root to set up. */
interface Lab {
  readonly config: string
  readonly root: string
  setup(...args: string[]): Promise<Output>
  file(path: string): string
  put(path: string, text: string, mode?: number): string
}

const LISTEN = ['Listen 172.17.0.1:3128', 'Listen 127.0.0.1:3128']

function makeLab(test: Test, lines: readonly string[] = LISTEN): Lab {
  const directory = makeTempDir(test)
  const config = join(directory, 'tsntlm.conf')
  const account = ['Username u', 'Password pa55-w0rd', 'Proxy 10.0.0.41:8080']
  writeFileSync(config, [...account, 'NoProxy *.corp.test', ...lines, ''].join('\n'), {
    mode: 0o600,
  })
  const root = join(directory, 'root')
  mkdirSync(root)
  const file = (path: string): string => join(root, path)
  return {
    config,
    root,
    file,
    async setup(...args) {
      const env = { HOME: '/home/u', XDG_STATE_HOME: '' }
      const { code, stdout, stderr } = await runProduct(
        ['setup', '--config', config, '--root', root, ...args],
        { env },
      )
      return { code, out: stdout.toString(), err: stderr }
    },
    put(path, text, mode = 0o644) {
      mkdirSync(dirname(file(path)), { recursive: true })
      writeFileSync(file(path), text)
      chmodSync(file(path), mode)
      return file(path)
    },
  }
}

const CONFIG_JSON = '/home/u/.docker/config.json'
const OLD_JSON = '{\n\t"auths": {"r": {"auth": "c2VjcmV0"}},\n\t"credsStore": "x"\n}\n'

function backupsOf(file: string): string[] {
  return readdirSync(dirname(file)).filter(name => name.includes('.tsntlm-backup-'))
}

t.test('without --write it shows what it would do, and writes nothing', async t => {
  const lab = makeLab(t)
  const file = lab.put(CONFIG_JSON, OLD_JSON)
  const { code, out, err } = await lab.setup('docker-client')
  t.equal(code, 0)
  t.equal(err, '')
  t.match(out, `${file}: what the docker command sets`)
  t.match(out, '"httpProxy": "http://172.17.0.1:3128"')
  t.match(out, 'Nothing has been written')
  t.notMatch(out, 'c2VjcmV0')
  t.equal(readFileSync(file, 'utf8'), OLD_JSON)
  t.same(readdirSync(lab.root), ['home'])
})

t.test('--write keeps the rest, the mode and a backup; a second run has nothing to do', async t => {
  const lab = makeLab(t)
  const file = lab.put(CONFIG_JSON, OLD_JSON, 0o640)
  const first = await lab.setup('docker-client', '--write')
  t.match(first, { code: 0, err: '' })
  t.match(first.out, /^written: .*config\.json$/m)
  t.match(first.out, /^To make it effective \(not run by tsntlm\):$/m)
  t.match(JSON.parse(readFileSync(file, 'utf8')), {
    auths: { r: { auth: 'c2VjcmV0' } },
    credsStore: 'x',
    proxies: { default: { httpProxy: 'http://172.17.0.1:3128' } },
  })
  t.equal(statSync(file).mode & 0o777, 0o640)
  const [backup = '', ...others] = backupsOf(file)
  t.match(backup, /^config\.json\.tsntlm-backup-\d{8}T\d{6}Z$/)
  t.same(others, [])
  t.equal(readFileSync(join(dirname(file), backup), 'utf8'), OLD_JSON)
  t.equal(statSync(join(dirname(file), backup)).mode & 0o777, 0o640)

  const { mtimeMs } = statSync(file)
  const second = await lab.setup('docker-client', '--write')
  t.match(second.out, /config\.json: nothing to do$/m)
  t.notMatch(second.out, /^(written|backup|To make)/m)
  t.equal(statSync(file).mtimeMs, mtimeMs)
  t.equal(backupsOf(file).length, 1)

  const undone = await lab.setup('docker-client', '--undo')
  t.match(undone.out, /^restored as it was: /m)
  t.equal(readFileSync(file, 'utf8'), OLD_JSON)
  t.equal(statSync(file).mode & 0o777, 0o640)
  t.same(backupsOf(file), [])
  t.match(await lab.setup('docker-client', '--undo'), { code: 0, out: /^nothing to do: / })
})

t.test('files that it made are removed with their directories', async t => {
  const lab = makeLab(t)
  const drop = lab.file('/etc/systemd/system/docker.service.d/tsntlm-proxy.conf')
  const { out } = await lab.setup('docker', '--write')
  t.match(out, /^ {2}systemctl daemon-reload\n {2}systemctl restart docker$/m)
  t.equal(statSync(drop).mode & 0o777, 0o644)
  t.equal(statSync(dirname(drop)).mode & 0o777, 0o755)
  t.match(await lab.setup('docker', '--undo'), { code: 0, out: `removed: ${drop}` })
  t.notOk(existsSync(lab.file('/etc')))
  await lab.setup('maven', '--write')
  t.equal(statSync(lab.file('/home/u/.m2')).mode & 0o777, 0o700)
  t.equal(statSync(lab.file('/home/u/.m2/settings.xml')).mode & 0o777, 0o600)
  await lab.setup('maven', '--undo')
  t.notOk(existsSync(lab.file('/home/u/.m2')))
})

t.test('--undo takes only its own out of a file that was changed since', async t => {
  const lab = makeLab(t)
  const file = lab.put('/home/u/.npmrc', 'proxy=http://me:pw@old:1\n')
  const written = await lab.setup('npm', '--write')
  t.match(written.out, 'the backup holds an address with an account')
  t.notMatch(written.out, 'me:pw')
  writeFileSync(file, `${readFileSync(file, 'utf8')}theirs=1\n`)
  const { code, out } = await lab.setup('npm', '--undo')
  t.equal(code, 0)
  t.match(out, /^edited, /m)
  t.equal(readFileSync(file, 'utf8'), 'proxy=http://me:pw@old:1\ntheirs=1\n')
})

t.test('two targets share a file, and one of them can be taken back', async t => {
  const lab = makeLab(t)
  const text = '[[runners]]\n  name = "a" # c\n  executor = "docker"\n'
  const file = lab.put('/etc/gitlab-runner/config.toml', text, 0o600)
  const [root, home] = [process.getuid?.() === 0, '/home/u/.gitlab-runner/config.toml']
  const real = root ? file : lab.put(home, text, 0o600)
  for (const target of ['gitlab-runner', 'dind', 'docker-client'])
    t.match(await lab.setup(target, '--write'), { code: 0, err: '' })
  t.match(readFileSync(real, 'utf8'), /pre_get_sources_script[^]*pre_build_script/)
  await lab.setup('dind', '--undo')
  t.notMatch(readFileSync(real, 'utf8'), 'pre_build_script')
  t.match(readFileSync(real, 'utf8'), 'pre_get_sources_script')
  t.ok(existsSync(lab.file(CONFIG_JSON)), 'docker-client needs it still')
  await lab.setup('gitlab-runner', '--undo')
  t.equal(readFileSync(real, 'utf8'), text)
})

t.test(
  'a broken file is refused with its line and left alone, and nothing else is written',
  async t => {
    const cases: [target: string, path: string, text: string, place: string][] = [
      ['docker-client', CONFIG_JSON, '{\n "auths": ,\n}', ':2: '],
      ['maven', '/home/u/.m2/settings.xml', '<settings>\n<proxies>\n</settings>\n', ':3: '],
      ['git', '/home/u/.gitconfig', '[user]\n<<<<<<< HEAD\n', ':2: '],
      ['yarn', '/home/u/.yarnrc.yml', '{}\n', ':1: '],
      ['npm', '/home/u/.npmrc', '\u{0}\n=\n', ':2: '],
    ]
    for (const [target, path, text, place] of cases) {
      const lab = makeLab(t)
      const file = lab.put(path, text)
      const { code, err } = await lab.setup(target, '--write')
      t.equal(code, 1, target)
      t.match(err, `${file}${place}`)
      t.match(err, 'correct the file and run this again')
      t.notMatch(err, /^ +at /m)
      t.equal(readFileSync(file, 'utf8'), text)
      t.same(readdirSync(dirname(file)).length, 1)
    }
    const lab = makeLab(t)
    for (const folder of ['/etc/gitlab-runner', '/home/u/.gitlab-runner'])
      lab.put(`${folder}/config.toml`, '[[runners]]\ntoken = glrt-hidden\n')
    const { code, err } = await lab.setup('dind', '--write')
    t.equal(code, 1)
    t.match(err, /config\.toml:2: the line is not valid TOML/)
    t.notMatch(err, 'glrt-hidden')
  },
)

t.test('a link is followed, and stays a link', async t => {
  const lab = makeLab(t)
  const real = lab.put('/etc/dnf/dnf.conf', '[main]\ngpgcheck=1\n')
  symlinkSync('dnf/dnf.conf', lab.file('/etc/yum.conf'))
  const { out } = await lab.setup('yum', '--write')
  t.match(out, `written: ${real}`)
  t.equal(readFileSync(real, 'utf8'), '[main]\ngpgcheck=1\nproxy = http://127.0.0.1:3128\n')
  t.ok(readFileSync(lab.file('/etc/yum.conf'), 'utf8').includes('proxy'))
  await lab.setup('yum', '--undo')
  t.equal(readFileSync(real, 'utf8'), '[main]\ngpgcheck=1\n')
})

t.test('links that lead nowhere, or out of the root, are refused', async t => {
  const lab = makeLab(t)
  const outside = join(makeTempDir(t), 'npmrc')
  writeFileSync(outside, 'a=1\n')
  mkdirSync(lab.file('/home/u'), { recursive: true })
  symlinkSync(outside, lab.file('/home/u/.npmrc'))
  symlinkSync('nowhere', lab.file('/home/u/.curlrc'))
  t.match(await lab.setup('npm', '--write'), { code: 1, err: 'a link that leads out of' })
  t.equal(readFileSync(outside, 'utf8'), 'a=1\n')
  t.match(await lab.setup('curl', '--write'), {
    code: 1,
    err: 'a link to a file that is not there',
  })
})

t.test('what cannot be written is told', async t => {
  const lab = makeLab(t)
  lab.put('/home/u/.m2', 'a file, not a directory')
  const { code, err } = await lab.setup('maven', '--write')
  t.equal(code, 1)
  t.match(err, 'settings.xml: a part of the path is no directory')
  t.match(await lab.setup('maven', '--undo'), { out: /^nothing to do/ })

  mkdirSync(lab.file('/home/u/.npmrc'))
  t.match(await lab.setup('npm'), { code: 1, err: '.npmrc: it is a directory' })
  lab.put('/home/u/.wgetrc', '')
  writeFileSync(lab.file('/home/u/.wgetrc'), Buffer.from([0xff, 0xfe]))
  t.match(await lab.setup('wget', '--write'), { code: 1, err: '.wgetrc: it is no UTF-8 text' })
})

t.test(
  'a directory that is read-only is told',
  { skip: process.getuid?.() === 0 ? 'root may write everywhere' : false },
  async t => {
    const lab = makeLab(t)
    mkdirSync(lab.file('/home/u'), { recursive: true })
    chmodSync(lab.file('/home/u'), 0o555)
    t.match(await lab.setup('git', '--write'), { code: 1, err: 'permission denied' })
    chmodSync(lab.file('/home/u'), 0o755)
  },
)

t.test('wrong command lines get one message', async t => {
  const lab = makeLab(t)
  const unknown = await lab.setup('docket')
  t.equal(unknown.code, 1)
  t.match(unknown.err, /^tsntlm setup: "docket" is no target; there are:\n {2}docker /)
  t.match(unknown.err, /^ {2}gitlab-runner /m)
  t.match(await lab.setup('git', '--write', '--undo'), { code: 1, err: 'contradict each other' })
  t.match(await lab.setup('git', '--proxy', 'http://u:p@h:1'), { code: 1, err: 'is not HOST:PORT' })
  t.match(await lab.setup('git', '--root', lab.config), { code: 1, err: 'is no directory' })
  const list = await lab.setup()
  t.equal(list.code, 0)
  t.equal(list.out, unknown.err.replace(/^.*\n/, ''))
})

t.test('loopback alone gives a warning for containers, and --proxy beats the file', async t => {
  const lab = makeLab(t, ['Listen 127.0.0.1:3128'])
  t.match(
    (await lab.setup('docker-client')).out,
    /^warning: containers cannot reach 127\.0\.0\.1:3128/m,
  )
  const { out } = await lab.setup('docker-client', '--proxy', '10.0.0.20:3128')
  t.match(out, '"httpProxy": "http://10.0.0.20:3128"')
  t.notMatch(out, 'containers cannot reach')
})

t.test('a configuration that cannot be read is an error, or with --proxy a warning', async t => {
  const none = join(makeTempDir(t), 'none.conf')
  const bare = await runProduct(['env', '--config', none])
  t.match(bare, { code: 1, stderr: 'the file does not exist' })
  t.match(bare.stderr, 'name the proxy: --proxy HOST:PORT')
  const named = await runProduct(['env', '--config', none, '--proxy', '127.0.0.1:3128'])
  t.equal(named.code, 0)
  t.match(named.stderr, 'warning:')
  t.match(named.stdout.toString(), /^export http_proxy=http:\/\/127\.0\.0\.1:3128$/m)
  const deaf = makeLab(t, ['SOCKS5Proxy 127.0.0.1:1080'])
  t.match(await deaf.setup('git'), { code: 1, err: 'nothing here speaks HTTP' })
})

t.test('a record that is no record stops everything', async t => {
  const lab = makeLab(t)
  for (const path of ['/var/lib/tsntlm-setup', '/home/u/.local/state/tsntlm'])
    lab.put(`${path}/setup.json`, '{"version": 7}')
  for (const flag of ['--write', '--undo'])
    t.match(await lab.setup('git', flag), { code: 1, err: 'setup.json: it is no record' })
})
