import t from 'tap'
import { CONTAINER } from '../../../src/doctor/container.ts'
import { DOCKER0, PLACES, runCheck } from './host.ts'

const PROBE = 'probe 172.17.0.1:3128'
const INSPECT = 'docker inspect -f {{.State.Pid}}'
const failed = (stderr: string) => ({ code: 1, stdout: '', stderr })

t.test('a container is a process, a namespace, a file, or a name that Docker knows', async t => {
  const cases: [name: string, path: string][] = [
    ['4711', '/proc/4711/ns/net'],
    ['container1', '/run/netns/container1'],
    ['/var/run/x', '/var/run/x'],
    ['job', '/proc/99/ns/net'],
  ]
  for (const [container, path] of cases) {
    const { lines, learned } = await runCheck(
      CONTAINER,
      { container, places: PLACES, isServing: true },
      {
        files: container === 'job' ? {} : { [path]: ['', 0o444] },
        programs: {
          [`${INSPECT} job`]: '99\n',
          [`nsenter --net=${path} -- ${PROBE}`]: '172.17.0.1:3128 answers\n',
        },
      },
    )
    t.strictSame(lines, [`ok 172.17.0.1:3128 answers from inside of ${container}`])
    t.equal(learned?.isReachedFromInside, true)
  }
})

t.test('what the probe says becomes a verdict with the next step', async t => {
  const cases: [ran: ReturnType<typeof failed>, line: RegExp, advice: RegExp][] = [
    [
      { code: 0, stdout: 'x answers; this client is denied by Allow and Deny', stderr: '' },
      /^problem .* keep it out/,
      /Allow line/,
    ],
    [
      failed('tsntlm health: The connection was refused: 172.17.0.1:3128 (ECONNREFUSED)\n'),
      /^problem from inside of c: The connection was refused/,
      /add "Listen 172\.17\.0\.1:3128"/,
    ],
    [failed('tsntlm health: No connection was made in time: x'), /in time/, /see firewall/],
  ]
  for (const [ran, line, advice] of cases) {
    const { judgements, lines, learned } = await runCheck(
      CONTAINER,
      { container: 'c', places: PLACES, isServing: true },
      {
        files: { '/run/netns/c': ['', 0o444] },
        programs: { [`nsenter --net=/run/netns/c -- ${PROBE}`]: ran },
      },
    )
    t.match(lines[0], line)
    t.match(judgements[0]?.advice[0], advice)
    t.equal(learned?.isReachedFromInside, false)
  }
})

t.test('the bridge of the network that the container is in is found', async t => {
  const bridge = { name: 'br-0ea28fcce869', address: '172.30.0.1', length: 24 }
  const { learned } = await runCheck(
    CONTAINER,
    { container: 'c', places: PLACES, isServing: true, interfaces: [DOCKER0, bridge] },
    {
      files: { '/run/netns/c': ['', 0o444] },
      programs: {
        [`nsenter --net=/run/netns/c -- ${PROBE}`]: failed('x'),
        'nsenter --net=/run/netns/c -- ip -oneline addr show':
          '1: lo    inet 127.0.0.1/8 scope host lo\n9: eth0    inet 172.30.0.2/24 brd 172.30.0.255 scope global eth0\n',
      },
    },
  )
  t.strictSame(learned, { isReachedFromInside: false, bridge })
})

t.test('what cannot be looked at is skipped with the reason', async t => {
  const enter = (stderr: string) => ({
    files: { '/run/netns/c': ['', 0o444] as const },
    programs: { [`nsenter --net=/run/netns/c -- ${PROBE}`]: failed(stderr) },
  })
  const denied = "nsenter: reassociate to namespace 'ns/net' failed: Operation not permitted\n"
  const cases: [container: string | undefined, host: object, facts: object, line: RegExp][] = [
    [undefined, {}, {}, /not asked for/],
    ['c', enter(''), { isServing: false }, /no port of tsntlm answers on this host/],
    ['c', enter(''), { places: undefined }, /no HTTP port/],
    ['c', enter(denied), { isRoot: false }, /only root/],
    ['c', { files: { '/run/netns/c': ['', 0o444] } }, {}, /there is no nsenter/],
    ['nosuch', {}, {}, /and there is no docker/],
    [
      'nosuch',
      { programs: { [`${INSPECT} nosuch`]: failed('Error: No such object: nosuch\n') } },
      {},
      /is called nosuch \(docker: Error: No such object/,
    ],
    ['off', { programs: { [`${INSPECT} off`]: '0\n' } }, {}, /off is not running/],
    ['-x', {}, {}, /is no process, namespace or container/],
  ]
  for (const [container, host, facts, line] of cases) {
    const known = { container, places: PLACES, isServing: true, ...facts }
    const { lines, learned } = await runCheck(CONTAINER, known, host)
    t.match(lines, [line])
    t.match(lines, [/^skipped /])
    t.equal(learned, undefined)
  }
})
