import type t from 'tap'
import { type Config, DEFAULTS } from '../../src/config/index.ts'
import { Secret, systemClock, systemEntropy } from '../../src/core/index.ts'
import type { Dialer } from '../../src/net/index.ts'
import { credentialsFromPassword } from '../../src/ntlm/index.ts'
import { memoryGuardStore, Service } from '../../src/service/index.ts'
import { EventRecorder } from './event-recorder.ts'
import { ALICE } from './playbook.ts'

export interface RunningProxy {
  readonly port: number
  readonly service: Service
  readonly recorder: EventRecorder
}

export interface RunningProxyOptions {
  /** Ports of upstreams on the loopback, the preferred one first. */
  readonly upstreams: readonly number[]
  readonly password?: string
  readonly config?: Partial<Config>
  readonly dialer?: Dialer
}

/** The whole proxy in this process, on a real socket and with the real clock. */
export async function startProxy(
  test: Pick<typeof t, 'teardown'>,
  options: RunningProxyOptions,
): Promise<RunningProxy> {
  const recorder = new EventRecorder()
  const listener = { source: 'test', line: 1, column: 1 }
  const service = new Service(
    {
      config: {
        ...DEFAULTS,
        // As in a playbook: nothing goes over the wires unasked.
        warm: 'off',
        listeners: [{ host: '127.0.0.1', port: 0, serves: { kind: 'http' }, origin: listener }],
        upstreams: options.upstreams.map(port => ({ host: '127.0.0.1', port })),
        ...options.config,
      },
      credentials: credentialsFromPassword({
        user: ALICE.user,
        domain: ALICE.domain,
        workstation: 'CLIENT',
        dialect: 'NTLMv2',
        password: new Secret(options.password ?? ALICE.password),
      }),
      configChangedAtMs: 0,
    },
    {
      clock: systemClock,
      entropy: systemEntropy,
      emit: recorder.emit,
      guardStore: memoryGuardStore(),
      ...(options.dialer === undefined ? {} : { dialer: options.dialer }),
    },
  )
  await service.start()
  test.teardown(() => void service.destroy())
  return { port: service.addresses[0]?.port ?? 0, service, recorder }
}
