import t from 'tap'
import type { Facts } from '../../../src/setup/facts.ts'
import { MalformedFile } from '../../../src/setup/formats/format.ts'
import type { Plan } from '../../../src/setup/plan.ts'
import { findTarget, TARGETS } from '../../../src/setup/targets/targets.ts'

const FACTS: Facts = {
  host: { host: '127.0.0.1', port: 3128 },
  container: { host: '172.17.0.1', port: 3129 },
  containerWarning: undefined,
  noProxy: ['*.corp', '10.*'],
  home: '/home/u',
  isRoot: true,
}

const RUNNERS = `[[runners]]
name = "containers"
executor = "docker"
[[runners]]
name = "here"
executor = "shell"
[[runners]]
name = "windows"
executor = "docker-windows"
`

function plan(name: string, facts: Partial<Facts> = {}, files: Record<string, string> = {}): Plan {
  const target = findTarget(name)
  if (target === undefined) throw new Error(name)
  return target.plan(
    { ...FACTS, ...facts },
    { daemonJson: false, read: path => files[path], envCommand: 'tsntlm env' },
  )
}

function valueOf({ files }: Plan, ...key: string[]): string | undefined {
  const settings = files.flatMap(file => file.settings)
  return settings.find(setting => setting.key.join('/') === key.join('/'))?.value
}

t.test('every target has a plan, and no file of it has an account or an unknown place', async t => {
  for (const { name, summary } of TARGETS) {
    const { files, notes } = plan(name, {}, { '/etc/gitlab-runner/config.toml': RUNNERS })
    t.ok(files.length > 0 || notes.length > 0, name)
    t.ok(summary.length < 95, summary)
    for (const file of files) {
      t.match(file.path, /^\/(etc|home\/u)\//)
      t.ok(file.settings.length > 0)
      t.notMatch(JSON.stringify(file), /@/)
    }
  }
  t.equal(new Set(TARGETS.map(({ name }) => name)).size, TARGETS.length)
})

t.test('programs of the host get its address, containers get theirs', async t => {
  const files = { '/etc/gitlab-runner/config.toml': RUNNERS }
  t.equal(valueOf(plan('docker'), 'Service', 'HTTP_PROXY'), 'http://127.0.0.1:3128')
  t.equal(
    valueOf(plan('docker-client'), 'proxies', 'default', 'httpProxy'),
    'http://172.17.0.1:3129',
  )
  const runner = plan('gitlab-runner', {}, files)
  t.equal(valueOf(runner, 'Service', 'https_proxy'), 'http://127.0.0.1:3128')
  const jobs = (name: string): string | undefined =>
    valueOf(runner, 'runners', name, 'environment', 'HTTPS_PROXY')
  t.equal(jobs('containers'), 'http://172.17.0.1:3129')
  t.equal(jobs('here'), 'http://127.0.0.1:3128')
})

t.test('a shell that is no sh gets no script of ours, and the user is told', async t => {
  const files = { '/etc/gitlab-runner/config.toml': RUNNERS }
  for (const name of ['gitlab-runner', 'dind']) {
    const made = plan(name, {}, files)
    t.match(made.warnings.join('\n'), /runner windows uses another shell/)
    const scripts = made.files.flatMap(({ settings }) =>
      settings
        .filter(({ key }) => key.at(-1)?.endsWith('_script') === true)
        .map(({ key }) => key[1]),
    )
    t.same(scripts, ['containers', 'here'])
  }
})

t.test('the Docker daemon of a job is excepted with its ports', async t => {
  const files = { '/etc/gitlab-runner/config.toml': RUNNERS }
  const list = 'localhost,127.0.0.1,::1,.corp,docker:2375,docker:2376'
  const dind = plan('dind', {}, files)
  t.equal(valueOf(dind, 'proxies', 'default', 'noProxy'), list)
  t.match(valueOf(dind, 'runners', 'here', 'pre_build_script'), list)
  const runner = plan('gitlab-runner', {}, files)
  t.equal(valueOf(runner, 'runners', 'here', 'environment', 'NO_PROXY'), list)
})

t.test('a runner that is not registered yet gets no config.toml', async t => {
  const { files, warnings } = plan('gitlab-runner')
  t.same(
    files.map(({ format }) => format),
    ['drop-in'],
  )
  t.match(warnings.join('\n'), /config\.toml has no \[\[runners\]\]: register the runner first/)
})

t.test('a config.toml that is broken is named', async t => {
  const path = '/home/u/.gitlab-runner/config.toml'
  try {
    plan('dind', { isRoot: false }, { [path]: 'a =' })
    t.fail('a broken file')
  } catch (error) {
    if (!(error instanceof MalformedFile)) throw error
    t.match(error, { path, line: 1 })
  }
})

t.test('files for containers come with the warning that containers reach nothing', async t => {
  const containerWarning = 'add a Listen'
  for (const name of ['docker-client', 'buildkit', 'gitlab-runner', 'dind'])
    t.ok(plan(name, { containerWarning }).warnings.includes(containerWarning), name)
  t.notOk(plan('docker', { containerWarning }).warnings.includes(containerWarning))
})

t.test('docker takes daemon.json when asked', async t => {
  const { files } = findTarget('docker')!.plan(FACTS, {
    daemonJson: true,
    read: () => undefined,
    envCommand: '',
  })
  t.equal(files[0]?.path, '/etc/docker/daemon.json')
})
