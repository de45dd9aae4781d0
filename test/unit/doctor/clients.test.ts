import t from 'tap'
import { CLIENTS, proxyIn } from '../../../src/doctor/clients.ts'
import { parseClientProxy, parseDockerInfo } from '../../../src/doctor/docker-info.ts'
import { judgeUser } from '../../../src/doctor/proxy-users.ts'
import { PLACES, runCheck } from './host.ts'

/** The fields that Docker 20.10 printed, without the many others. */
const INFO = {
  OperatingSystem: 'Debian GNU/Linux 12 (bookworm)',
  HttpProxy: 'http://172.17.0.1:3128',
  HttpsProxy: 'http://172.17.0.1:3128',
  NoProxy: '',
  ServerVersion: '20.10.24+dfsg1',
  SecurityOptions: ['name=seccomp,profile=default'],
}
const DOCKER_INFO = 'docker info --format {{json .}}'

t.test('a user of a proxy is judged by the address', async t => {
  const cases: [proxy: string | undefined, isInside: boolean, line: RegExp][] = [
    [undefined, false, /^note x uses no proxy/],
    ['', false, /^note x uses no proxy/],
    ['http://172.17.0.1:3128/', true, /^ok .*this tsntlm/],
    ['172.17.0.1:3128', true, /^ok .*this tsntlm/],
    ['http://127.0.0.1:3128', false, /^ok .*this tsntlm/],
    ['http://localhost:3128', true, /^problem .*inside of a container that is the container/],
    [
      'http://u:geheim@10.0.0.41:8080',
      false,
      /^note x uses http:\/\/u:\*\*\*@10\.0\.0\.41:8080, not/,
    ],
    ['http://[bad', false, /^problem .*no address of a proxy/],
  ]
  for (const [proxy, isInside, line] of cases) {
    const { verdict, text } = judgeUser({ name: 'x', isInside, proxy, command: 'c' }, PLACES)
    t.match(`${verdict} ${text}`, line)
  }
})

t.test('the engine is asked, and its kind is told', async t => {
  t.equal(parseDockerInfo('Cannot connect'), undefined)
  t.equal(parseDockerInfo('{"ServerVersion":""}'), undefined)
  t.strictSame(parseDockerInfo(JSON.stringify(INFO)), {
    proxy: 'http://172.17.0.1:3128',
    isRootless: false,
    isDesktop: false,
  })
  const other = { ...INFO, HttpProxy: '', HttpsProxy: '' }
  const kinds = {
    ...other,
    OperatingSystem: 'Docker Desktop',
    SecurityOptions: ['name=seccomp,profile=builtin', 'name=rootless'],
  }
  const { lines } = await runCheck(
    CLIENTS,
    { places: PLACES },
    { programs: { [DOCKER_INFO]: JSON.stringify(kinds) } },
  )
  t.match(lines, [
    'note dockerd uses no proxy',
    /^note docker client/,
    /^note the Docker engine is rootless/,
    /^note this is Docker Desktop/,
    'skipped there is no GitLab Runner',
    'note this shell uses no proxy',
  ])
})

t.test('each place where a proxy is written is read', async t => {
  const client = { proxies: { default: { httpProxy: 'http://localhost:3128' } } }
  t.equal(parseClientProxy('{'), undefined)
  t.equal(parseClientProxy('{"proxies":null}'), undefined)
  const toml =
    '[[runners]]\n  executor = "docker"\n  environment = ["https_proxy=http://127.0.0.1:3128"]'
  const { lines } = await runCheck(
    CLIENTS,
    { places: PLACES },
    {
      programs: {
        [DOCKER_INFO]: JSON.stringify(INFO),
        'systemctl show --property=Environment gitlab-runner':
          'Environment=NO_PROXY=a HTTPS_PROXY=http://172.17.0.1:3128/\n',
      },
      files: {
        '/home/u/.docker/config.json': [JSON.stringify(client), 0o600],
        '/etc/gitlab-runner/config.toml': [toml, 0o600],
      },
      environment: { http_proxy: 'http://127.0.0.1:3128' },
    },
  )
  t.match(lines, [
    'ok dockerd uses http://172.17.0.1:3128, this tsntlm',
    /^problem docker client/,
    /^ok gitlab-runner uses http/,
    /^problem jobs of gitlab-runner/,
    /^ok this shell/,
  ])
  t.equal(proxyIn('Environment=NO_PROXY=a'), undefined)
})

t.test('what cannot be read is skipped', async t => {
  const unreadable = {
    ports: { mode: () => 0o600 },
    programs: { [DOCKER_INFO]: { code: 1, stdout: '', stderr: 'Cannot connect' } },
  }
  const { lines } = await runCheck(CLIENTS, { places: PLACES }, unreadable)
  t.match(lines, [/^skipped no Docker engine/, /^note/, /^note/, /^skipped only root/, /^note/])
  t.match((await runCheck(CLIENTS)).lines, [/^skipped there is no HTTP port/])
})
