import { assembleConfig, parseDirectives } from '../config/index.ts'
import {
  formatHostPort,
  type HostPort,
  isProxyError,
  ProxyError,
  type ProxyEvent,
  systemClock,
  systemEntropy,
} from '../core/index.ts'
import {
  getThrough,
  getThroughTunnel,
  type NtlmAccount,
  ORIGIN_NAME,
  startNtlmUpstream,
  startOrigin,
  type UpstreamEvent,
} from '../demo/index.ts'
import { buildCredentials, memoryGuardStore, Service } from '../service/index.ts'
import { writeCertificate } from './demo-files.ts'
import { FAILED, OK } from './exit-code.ts'
import { watchSignals } from './signals.ts'

export interface DemoArguments {
  readonly exit: boolean
  readonly port: number
}

const ACCOUNT: NtlmAccount = { user: 'alice', domain: 'CORP', password: 'Demo-Passw0rd' }

/** `tsntlm demo`: an NTLM upstream, an origin, and the proxy in front of them, all on loopback and all real. */
export async function demoCommand(
  args: DemoArguments,
  print: (line: string) => void,
  complain: (line: string) => void,
): Promise<number> {
  const signals = watchSignals(['SIGTERM', 'SIGINT'])
  const origin = await startOrigin()
  const upstream = await startNtlmUpstream({
    accounts: [ACCOUNT],
    resolve: origin.resolve,
    onEvent: event => describeUpstream(event).forEach(line => print(`    upstream  ${line}`)),
  })
  const service = buildService(upstream.address, args.port, event =>
    describeProxy(event).forEach(line => print(`    tsntlm    ${line}`)),
  )
  const certificate = await writeCertificate(origin.caPem)
  try {
    await service.start()
    const [proxy] = service.addresses
    if (proxy === undefined) throw new ProxyError('BUG', { detail: 'the demo listens nowhere' })
    print('tsntlm demo: everything runs on this machine, on loopback only.')
    print(
      `  web server  http://${formatHostPort(origin.http)} and https://${formatHostPort(origin.https)}, known as ${ORIGIN_NAME}`,
    )
    print(
      `  upstream    http://${formatHostPort(upstream.address)}, demands NTLM, knows ${ACCOUNT.domain}\\${ACCOUNT.user}`,
    )
    print(
      `  tsntlm      http://${formatHostPort(proxy)}, holds the password; its clients need none\n`,
    )
    print(`1. A plain GET http://${ORIGIN_NAME}/hello`)
    print(`  => ${await getThrough(proxy, `http://${ORIGIN_NAME}/hello`)}\n`)
    print('2. The same again: the session is authenticated, no further handshake')
    print(`  => ${await getThrough(proxy, `http://${ORIGIN_NAME}/hello`)}\n`)
    print(`3. CONNECT ${ORIGIN_NAME}:443, then TLS to the web server`)
    print(`  => ${await getThroughTunnel(proxy, { host: ORIGIN_NAME, port: 443 }, origin.caPem)}\n`)
    const { type3s, accepted } = upstream.counters
    print(`The upstream verified ${accepted} of ${type3s} logons; no client sent any credentials.`)
    if (args.exit) return OK
    print('\nTry it yourself (end with Ctrl-C):')
    print(`  curl -x http://${formatHostPort(proxy)} http://${ORIGIN_NAME}/hello`)
    print(
      `  curl -x http://${formatHostPort(proxy)} --cacert ${certificate.file} https://${ORIGIN_NAME}/hello`,
    )
    print(
      `  curl -x http://${formatHostPort(upstream.address)} http://${ORIGIN_NAME}/hello   # without tsntlm: 407\n`,
    )
    await service.drain(await signals.next(), 0)
    return OK
  } catch (error) {
    if (!isProxyError(error) || error.code !== 'CONFIG') throw error
    complain(`tsntlm demo: ${error.detail ?? error.message}`)
    return FAILED
  } finally {
    service.destroy()
    await Promise.all([upstream.close(), origin.close(), certificate.remove()])
  }
}

function buildService(
  upstream: HostPort,
  port: number,
  emit: (event: ProxyEvent) => void,
): Service {
  const text = [
    `Username ${ACCOUNT.user}`,
    `Domain ${ACCOUNT.domain}`,
    `Password ${ACCOUNT.password}`,
    `Proxy ${formatHostPort(upstream)}`,
    'Listen 3128',
    // What is made ahead would come in between the steps that are told.
    'Warm off',
    '',
  ].join('\n')
  const { config } = assembleConfig(parseDirectives(text, 'demo').directives)
  if (config === undefined)
    throw new ProxyError('BUG', { detail: 'the configuration of the demo is wrong' })
  const listeners = config.listeners.map(listener => ({ ...listener, port }))
  const { credentials } = buildCredentials(config, 'demo')
  const ports = { clock: systemClock, entropy: systemEntropy, emit, guardStore: memoryGuardStore() }
  return new Service({ config: { ...config, listeners }, credentials, configChangedAtMs: 0 }, ports)
}

function describeUpstream(event: UpstreamEvent): string[] {
  const on = `connection ${event.connectionId}:`
  switch (event.kind) {
    case 'demanded':
      return [`${on} ${event.method} ${event.target} without credentials, 407 offers NTLM`]
    case 'challenged':
      return [`${on} ${event.method} ${event.target} with NTLM NEGOTIATE, 407 with a CHALLENGE`]
    case 'accepted':
      return [
        `${on} AUTHENTICATE of ${event.domain}\\${event.user} is right (${event.dialect}, MIC ${event.micChecked ? 'verified' : 'absent'})`,
      ]
    case 'rejected':
      return [`${on} AUTHENTICATE is wrong: ${event.reason}`]
    case 'answered':
      return [`${on} ${event.method} ${event.target} answered ${event.status}`]
    case 'connected':
    case 'closed':
      return []
  }
}

function describeProxy(event: ProxyEvent): string[] {
  switch (event.type) {
    case 'session.authenticated':
      return [`session ${event.session} is authenticated by ${event.dialect}`]
    case 'session.reused':
      return [`session ${event.session} is reused`]
    case 'listener.failed':
      return [`cannot listen on ${event.address}: ${event.reason}`]
    case 'guard.proven':
      return [`the password of ${event.account} is proven`]
    case 'bug':
      return [`a bug: ${String(event.error)}`]
    default:
      return []
  }
}
