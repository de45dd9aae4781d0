import type { ProxyEvent, RequestId, RequestRecord } from '../../../src/core/index.ts'

/** A request that went well, but for what the test says. */
export function requestFinished(change: Partial<RequestRecord>): ProxyEvent {
  return {
    type: 'request.finished',
    record: {
      id: 'r1' as RequestId,
      client: '172.17.0.2:51234',
      method: 'CONNECT',
      target: 'example.com:443',
      isTunnel: true,
      route: 'upstream',
      upstream: '10.0.0.41:8080',
      status: 200,
      bytesIn: 517,
      bytesOut: 4096,
      totalMs: 34.4,
      responseMs: 12.6,
      connectMs: 0,
      authMs: 0,
      attempts: 1,
      termination: '--',
      error: undefined,
      detail: undefined,
      ...change,
    },
  }
}
