import t from 'tap'
import { createMetrics } from '../../../src/admin/metrics.ts'
import type { ProxyEvent, SessionId } from '../../../src/core/index.ts'
import { requestFinished } from '../observe/request-finished.ts'
import { status, upstream } from './status-sample.ts'

const session = 1 as SessionId

/** The samples by their name with labels. */
async function scrape(events: readonly ProxyEvent[], state = status()) {
  const metrics = await createMetrics('v20.0.0')
  metrics.observe({ type: 'service.started', listeners: [], upstreams: ['a:8080', 'b:8080'] })
  for (const event of events) metrics.observe(event)
  const text = await metrics.text(state)
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  const samples = new Map(
    lines.map(line => {
      const space = line.lastIndexOf(' ')
      return [line.slice(0, space), Number(line.slice(space + 1))]
    }),
  )
  return { text, samples, value: (name: string) => samples.get(name) }
}

t.test('requests are counted by way, method and class of status, and measured', async t => {
  const plain = { isTunnel: false, method: 'GET', totalMs: 30, responseMs: 20 }
  const { value } = await scrape([
    requestFinished({ ...plain, bytesIn: 1, bytesOut: 10 }),
    requestFinished({ ...plain, status: 503, error: 'DIAL_TIMEOUT', responseMs: undefined }),
    requestFinished({ totalMs: 4_000, bytesIn: 5, bytesOut: 6 }),
    requestFinished({ route: 'direct', status: 0, error: 'CLIENT_ABORTED' }),
  ])
  const requests = (labels: string) => value(`tsntlm_requests_total{${labels}}`)
  t.equal(requests('route="upstream",method="GET",status_class="2xx"'), 1)
  t.equal(requests('route="upstream",method="GET",status_class="5xx"'), 1)
  t.equal(requests('route="upstream",method="CONNECT",status_class="2xx"'), 1)
  t.equal(requests('route="direct",method="CONNECT",status_class="none"'), 1)
  t.equal(value('tsntlm_request_errors_total{code="DIAL_TIMEOUT"}'), 1)
  t.equal(value('tsntlm_received_bytes_total{route="upstream"}'), 1 + 517 + 5)
  t.equal(value('tsntlm_request_duration_seconds_count{route="upstream"}'), 2)
  t.equal(value('tsntlm_request_duration_seconds_bucket{le="0.025",route="upstream"}'), 0)
  t.equal(value('tsntlm_request_duration_seconds_bucket{le="0.05",route="upstream"}'), 2)
  t.equal(value('tsntlm_tunnel_duration_seconds_sum{route="upstream"}'), 4)
  t.equal(value('tsntlm_first_byte_seconds_count{route="upstream"}'), 2)
})

t.test('what clients and upstreams choose makes no new label values', async t => {
  const odd = Array.from({ length: 50 }, (_, n) => [
    requestFinished({ method: `BREW${n}` }),
    { type: 'session.dialed', session, upstream: `origin${n}.example:80`, ms: 5 } as const,
    { type: 'session.reused', session, upstream: `origin${n}.example:80`, uses: 1 } as const,
    { type: 'upstream.limited', upstream: `pac${n}:8080`, status: 429, waitMs: 1 } as const,
  ])
  const { samples, value } = await scrape(odd.flat())
  t.equal(value('tsntlm_requests_total{route="upstream",method="other",status_class="2xx"}'), 50)
  t.equal(value('tsntlm_sessions_opened_total{upstream="other"}'), 50)
  t.notOk([...samples.keys()].some(name => /BREW|origin\d|pac\d/.test(name)))
})

t.test('sessions, failures and rejected passwords are counted', async t => {
  const { value } = await scrape([
    { type: 'session.dialed', session, upstream: 'a:8080', ms: 5 },
    {
      type: 'session.authenticated',
      session,
      upstream: 'a:8080',
      scheme: 'NTLM',
      dialect: 'NTLMv2',
      ms: 40,
    },
    { type: 'session.reused', session, upstream: 'a:8080', uses: 2 },
    { type: 'upstream.failed', upstream: 'b:8080', error: 'DIAL_REFUSED', detail: '' },
    { type: 'guard.tripped', account: 'alice', upstream: 'a:8080', forMs: 1 },
    { type: 'client.rejected', account: 'bob', upstream: 'a:8080', forMs: 1 },
    { type: 'client.denied', client: '10.0.0.1:1', rule: 'Deny *' },
    { type: 'client.refused', client: '10.0.0.1:1', limit: 'MaxClients', most: 2 },
    { type: 'config.loaded', listeners: [], upstreams: ['a:8080'] },
    { type: 'config.rejected', issues: ['x'] },
    { type: 'bug', error: new Error('x') },
  ])
  const expected: readonly (readonly [string, number])[] = [
    ['tsntlm_connect_duration_seconds_count{upstream="a:8080"}', 1],
    ['tsntlm_handshake_duration_seconds_sum{upstream="a:8080"}', 0.04],
    ['tsntlm_sessions_opened_total{upstream="a:8080"}', 1],
    ['tsntlm_sessions_reused_total{upstream="a:8080"}', 1],
    ['tsntlm_upstream_failures_total{upstream="b:8080",code="DIAL_REFUSED"}', 1],
    ['tsntlm_logons_rejected_total{account="own"}', 1],
    ['tsntlm_logons_rejected_total{account="client"}', 1],
    ['tsntlm_clients_denied_total', 1],
    ['tsntlm_clients_refused_total{limit="MaxClients"}', 1],
    ['tsntlm_config_reloads_total{result="taken"}', 1],
    ['tsntlm_config_reloads_total{result="refused"}', 1],
    ['tsntlm_bugs_total', 1],
  ]
  for (const [name, count] of expected) t.equal(value(name), count, name)
})

t.test('the state of the service is read when it is asked for', async t => {
  const sessions = { idle: 3, spare: 1, busy: 1, connecting: 0, waiting: 2 }
  const { value } = await scrape(
    [],
    status({
      upstreams: [upstream('a:8080', { sessions }), upstream('b:8080', { health: 'down' })],
      account: { name: 'CORP\\alice', state: 'rejected', until: undefined, text: 'rejected' },
      tunnelsOpen: 7,
      listeners: { bound: [], waiting: [{ address: 'docker0:3128', reason: 'not there' }] },
      configuration: {
        file: undefined,
        generation: 4,
        loadedAt: 1_500,
        refused: { at: 2_000, problems: [] },
      },
    }),
  )
  const expected: readonly (readonly [string, number])[] = [
    ['tsntlm_build_info{version="1.2.3",node="v20.0.0"}', 1],
    ['tsntlm_ready', 0],
    ['tsntlm_tunnels_open', 7],
    ['tsntlm_sessions{upstream="a:8080",state="idle"}', 2],
    ['tsntlm_sessions{upstream="a:8080",state="spare"}', 1],
    ['tsntlm_sessions{upstream="a:8080",state="waiting"}', 2],
    ['tsntlm_upstream_up{upstream="a:8080"}', 1],
    ['tsntlm_upstream_up{upstream="b:8080"}', 0],
    ['tsntlm_guard_state{state="rejected"}', 1],
    ['tsntlm_guard_state{state="proven"}', 0],
    ['tsntlm_listeners{state="waiting"}', 1],
    ['tsntlm_config_generation', 4],
    ['tsntlm_config_last_reload_successful', 0],
    ['tsntlm_config_last_reload_success_timestamp_seconds', 1.5],
  ]
  for (const [name, count] of expected) t.equal(value(name), count, name)
})

t.test(
  'an upstream that a reload took away has no state any more, and no account no guard',
  async t => {
    const metrics = await createMetrics('v20.0.0')
    await metrics.text(status())
    const text = await metrics.text(status({ upstreams: [upstream('b:8080')], account: undefined }))
    t.notMatch(text, /a:8080/)
    t.match(text, /tsntlm_upstream_up\{upstream="b:8080"\} 1/)
    t.notMatch(text, /^tsntlm_guard_state\{/m)
    t.match(text, /^process_cpu_seconds_total /m)
  },
)
