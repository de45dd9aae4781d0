import { DEFAULTS } from '../../../src/config/index.ts'
import type { Check, Facts, Outcome, Ports, Ran } from '../../../src/doctor/check.ts'
import { FakeClock } from '../../harness/fake-clock.ts'

/** What a program prints by its command line; a text stands for a success. */
export type Programs = Readonly<Record<string, string | Ran>>

export interface Host {
  readonly programs?: Programs
  /** Text and permission bits. */
  readonly files?: Readonly<Record<string, readonly [text: string, mode: number]>>
  readonly environment?: Readonly<Record<string, string>>
  readonly names?: Readonly<Record<string, readonly string[]>>
  readonly ports?: Partial<Ports>
}

/** A host that exists in the test alone: what it does not name is not there. */
export function hostPorts(host: Host): Ports {
  const { programs = {}, files = {}, names = {}, environment = {} } = host
  return {
    clock: new FakeClock(),
    dialer: { dial: async () => Promise.reject(new Error('no network in this test')) },
    resolve: async name =>
      names[name] === undefined ? Promise.reject(new Error('ENOTFOUND')) : names[name],
    run: async (program, args) => {
      const ran = programs[[program, ...args].join(' ')]
      return typeof ran === 'string' ? { code: 0, stdout: ran, stderr: '' } : ran
    },
    read: path => files[path]?.[0],
    mode: path => files[path]?.[1],
    environment,
    healthCommand: ({ host, port }) => ['probe', `${host}:${port}`],
    logOn: undefined,
    ...host.ports,
  }
}

export function factsWith(facts: Partial<Facts> = {}): Facts {
  return {
    config: DEFAULTS,
    configFile: '/etc/tsntlm.conf',
    issues: [],
    container: undefined,
    url: undefined,
    mayLogOn: true,
    isRoot: true,
    home: '/home/u',
    ...facts,
  }
}

export async function runCheck(
  check: Check,
  facts: Partial<Facts> = {},
  host: Host = {},
): Promise<Outcome & { lines: string[] }> {
  const outcome = await check.run(factsWith(facts), hostPorts(host))
  return { ...outcome, lines: outcome.judgements.map(({ verdict, text }) => `${verdict} ${text}`) }
}

export function listenAt(host: string, port = 3128) {
  const origin = { source: 'test', line: 1, column: 1 }
  return { host, port, serves: { kind: 'http' }, origin } as const
}

export const PLACES = {
  host: { host: '127.0.0.1', port: 3128 },
  container: { host: '172.17.0.1', port: 3128 },
}
export const DOCKER0 = { name: 'docker0', address: '172.17.0.1', length: 16 }
