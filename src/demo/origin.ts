import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { Duplex } from 'node:stream'
import {
  type Clock,
  type Entropy,
  type HostPort,
  systemClock,
  systemEntropy,
} from '../core/index.ts'
import { makeCertificate } from './certificate.ts'
import { listen } from './listen.ts'
import { answerRequest, answerUpgrade } from './origin-routes.ts'

export interface OriginOptions {
  readonly host?: string
  readonly clock?: Clock
  readonly entropy?: Entropy
}

export interface Origin {
  readonly http: HostPort
  readonly https: HostPort
  /** The self-signed certificate of the https side, to be trusted by clients. */
  readonly caPem: string
  /** Maps origin.demo.test, ports 80 and 443, to where the origin listens; anything else stays as it is. */
  readonly resolve: (target: HostPort) => HostPort
  close(): Promise<void>
}

export const ORIGIN_NAME = 'origin.demo.test'

/** Starts a web server, http and https, whose paths bring out what a proxy can get wrong (see origin-routes.ts). */
export async function startOrigin(options: OriginOptions = {}): Promise<Origin> {
  const { host, clock = systemClock, entropy = systemEntropy } = options
  const names = [ORIGIN_NAME, 'localhost', '127.0.0.1']
  const { keyPem, certPem } = await makeCertificate(names, clock, entropy)
  const listener: RequestListener = (request, response) => answerRequest(request, response, clock)
  const plain = createServer(listener)
  const secure = createSecureServer({ key: keyPem, cert: certPem }, listener)
  const closers = [plain, secure].map(prepareServer)
  const http = await listen(plain, host)
  const https = await listen(secure, host)
  return {
    http,
    https,
    caPem: certPem,
    resolve: target => {
      if (target.host !== ORIGIN_NAME) return target
      return target.port === 443 ? https : target.port === 80 ? http : target
    },
    close: async () => void (await Promise.all(closers.map(close => close()))),
  }
}

/** Answers upgrades too; gives the function that ends the server with all its connections. */
function prepareServer(server: Server): () => Promise<void> {
  const sockets = new Set<Duplex>()
  server.on('connection', (socket: Duplex) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('upgrade', answerUpgrade)
  return () =>
    new Promise(done => {
      server.close(() => done())
      for (const socket of sockets) socket.destroy()
    })
}
