import t from 'tap'
import { isDegraded, statusReport } from '../../../src/cli/status-report.ts'
import { tunnelsReport } from '../../../src/cli/tunnels.ts'
import type { ServiceStatus } from '../../../src/service/index.ts'

const AT = 1_700_000_000_000
type UpstreamStatus = ServiceStatus['upstreams'][number]

const UPSTREAM: UpstreamStatus = {
  label: '10.0.0.41:8080',
  namedBy: 'configuration',
  health: 'available',
  downUntil: undefined,
  failuresInARow: 0,
  lastFailure: undefined,
  demand: 'always',
  scheme: 'NTLM',
  sessions: { idle: 3, spare: 1, busy: 2, connecting: 1, waiting: 0 },
  requests: 17,
  failures: 0,
  limited: 0,
  dials: { count: 2, lastMs: 1.4, averageMs: 2.2 },
  handshakes: { count: 0, lastMs: undefined, averageMs: undefined },
}

const DOWN: UpstreamStatus = {
  ...UPSTREAM,
  label: '10.0.0.42:8080',
  health: 'down',
  downUntil: AT + 70_000,
  failuresInARow: 2,
  lastFailure: { at: AT + 50_000, code: 'DIAL_REFUSED', detail: 'nobody\u001b[31m there' },
}

const STATUS: ServiceStatus = {
  version: '1.2.3',
  pid: 42,
  startedAt: AT,
  uptimeMs: 60_000,
  state: 'serving',
  configuration: { file: '/etc/tsntlm.conf', generation: 1, loadedAt: AT, refused: undefined },
  listeners: {
    bound: [
      { address: '127.0.0.1:3128', serves: { kind: 'http' } },
      { address: '127.0.0.1:2222', serves: { kind: 'tunnel', target: { host: 'git', port: 22 } } },
    ],
    waiting: [{ address: 'docker:3128', reason: 'there is no docker0' }],
  },
  upstreams: [UPSTREAM, DOWN],
  account: {
    name: 'CORP\\alice',
    state: 'proven',
    until: undefined,
    by: undefined,
    text: 'the password was accepted',
  },
  clientAccounts: { known: 0, refused: 0 },
  requestsInProgress: 1,
  tunnelsOpen: 2,
  workers: [],
  totals: {
    requests: 20,
    tunnels: 5,
    routes: { upstream: 17, direct: 3, none: 0 },
    bytesIn: 100,
    bytesOut: 2048,
    failures: { DIAL_REFUSED: 2 },
    clientsDenied: 0,
    clientsRefused: 0,
    clientsMalformed: 0,
    logLinesLost: 0,
  },
  lastErrors: [],
}

const report = (change: Partial<ServiceStatus> = {}): string =>
  statusReport({ ...STATUS, ...change }).join('\n')

t.test('the report says how upstreams, listeners and the account are', async t => {
  const text = report()
  for (const expected of [
    /^tsntlm +1\.2\.3, process 42, serving for 1m$/m,
    /^configuration +\/etc\/tsntlm\.conf, number 1, read /m,
    /^account +CORP\\alice: proven; the password was accepted$/m,
    /^in progress +1 requests, 2 tunnels$/m,
    /^10\.0\.0\.41:8080 +ok +always NTLM +3 +2 +1 +0 +17 +1\/2 ms +-$/m,
    /^10\.0\.0\.42:8080 +down for 10s /m,
    /^ {2}10\.0\.0\.42:8080 failed last 10s ago: DIAL_REFUSED nobody\?\[31m there$/m,
    /^127\.0\.0\.1:2222 +tunnel to git:22$/m,
    /^docker:3128 +waiting: there is no docker0$/m,
    /^failed +DIAL_REFUSED 2$/m,
  ])
    t.match(text, expected)
  t.notMatch(text, /LAST ERRORS|refused \d+ ago|lines lost/)
})

t.test('what is out of the ordinary is told', async t => {
  const refused = { at: AT + 30_000, problems: ['f:1: error: wrong', 'f:2: error: too'] }
  const configuration = { ...STATUS.configuration, refused }
  t.match(
    report({ configuration }),
    /refused 30s ago and is not in use:\n.*f:1: error: wrong\n.*f:2/,
  )
  const { account } = STATUS
  if (account === undefined) throw new Error('there is one')
  const rejected = { ...account, state: 'rejected', until: AT + 120_000, text: 'why' } as const
  t.match(report({ account: rejected }), /CORP\\alice: rejected until .* \(1m\); why/)
  t.match(report({ account: undefined }), /account +none in the configuration/)
  t.match(report({ clientAccounts: { known: 3, refused: 1 } }), /clients named 3 more, 1 of them/)
  const totals = { ...STATUS.totals, logLinesLost: 12 }
  t.match(report({ totals }), /^log +12 lines lost: its reader is too slow/m)
  t.match(report({ upstreams: [] }), /no upstream: everything goes directly/)
  t.match(
    report({ upstreams: [{ ...DOWN, downUntil: undefined, namedBy: 'pac' }] }),
    /down, being tried \(Pac\)/,
  )
  t.match(report({ upstreams: [{ ...UPSTREAM, failuresInARow: 2 }] }), /ok after 2 failures/)
  const error = { at: AT, code: 'BUG', detail: undefined, requestId: 'ab-1' } as const
  t.match(report({ lastErrors: [error] }), /LAST ERRORS.*\n\S+ \S+ +ab-1 +BUG$/)
})

t.test('it is degraded when no upstream is available or the password is kept back', async t => {
  const { account } = STATUS
  if (account === undefined) throw new Error('there is one')
  const pac: UpstreamStatus = { ...UPSTREAM, namedBy: 'pac' }
  const cases: readonly (readonly [Partial<ServiceStatus>, boolean])[] = [
    [{}, false],
    [{ upstreams: [DOWN] }, true],
    [{ upstreams: [DOWN, pac] }, true],
    [{ upstreams: [] }, false],
    [{ upstreams: [{ ...DOWN, namedBy: 'pac' }] }, false],
    [{ account: undefined }, false],
    [{ account: { ...account, state: 'unproven' } }, false],
    [{ account: { ...account, state: 'rejected' } }, true],
    [{ account: { ...account, state: 'unanswered' } }, true],
  ]
  for (const [change, expected] of cases)
    t.equal(isDegraded({ ...STATUS, ...change }), expected, JSON.stringify(change))
})

t.test('tunnels are listed by age', async t => {
  const one = {
    id: 'ab-2',
    kind: 'tunnel',
    client: '172.17.0.2:5000',
    method: 'CONNECT',
    target: 'example.com:443',
    route: 'upstream',
    upstream: '10.0.0.41:8080',
    startedAt: AT - 5_000,
    lastMovedAt: AT - 2_000,
    bytesIn: 517,
    bytesOut: 4096,
  } as const
  const older = {
    ...one,
    id: 'ab-1',
    kind: 'request',
    route: undefined,
    upstream: undefined,
    startedAt: AT - 65_000,
    lastMovedAt: undefined,
  } as const
  t.strictSame(tunnelsReport({ tunnels: [one, older] }, AT), [
    'ID    CLIENT           METHOD   TARGET           VIA             AGE    IN   OUT   IDLE',
    'ab-1  172.17.0.2:5000  CONNECT  example.com:443  -               1m 5s  517  4.0k  -',
    'ab-2  172.17.0.2:5000  CONNECT  example.com:443  10.0.0.41:8080  5s     517  4.0k  2s',
  ])
  t.strictSame(tunnelsReport({ tunnels: [] }, AT), [
    'no tunnel is open, and no request is being answered',
  ])
})
