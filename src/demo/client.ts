import { request } from 'node:http'
import { request as secureRequest } from 'node:https'
import type { IncomingMessage, RequestOptions } from 'node:http'
import { connect as secure } from 'node:tls'
import { formatHostPort, type HostPort } from '../core/index.ts'

/** A plain GET through a proxy, as any client does it. @returns status and body in one line. */
export async function getThrough(proxy: HostPort, url: string): Promise<string> {
  const options: RequestOptions = {
    host: proxy.host,
    port: proxy.port,
    path: url,
    headers: { host: new URL(url).host },
  }
  return new Promise((resolve, reject) => {
    request(options, response => void readLine(response).then(resolve, reject))
      .on('error', reject)
      .end()
  })
}

/** CONNECT, then TLS to the target inside the tunnel, then a GET. @returns status and body in one line. */
export async function getThroughTunnel(
  proxy: HostPort,
  target: HostPort,
  ca: string,
): Promise<string> {
  const authority = formatHostPort(target)
  return new Promise((resolve, reject) => {
    const tunnel = request({
      host: proxy.host,
      port: proxy.port,
      method: 'CONNECT',
      path: authority,
      headers: { host: authority },
    })
    tunnel.once('connect', (response, socket) => {
      if (response.statusCode !== 200) {
        socket.destroy()
        reject(new Error(`CONNECT was answered ${response.statusCode}`))
        return
      }
      const createConnection = () => secure({ socket, ca, servername: target.host })
      const inner = secureRequest(
        { createConnection, host: target.host, path: '/hello' },
        answer =>
          void readLine(answer)
            .then(resolve, reject)
            .finally(() => socket.destroy()),
      )
      inner.on('error', reject).end()
    })
    tunnel.on('error', reject).end()
  })
}

async function readLine(response: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) body += String(chunk)
  return `${response.statusCode} ${response.statusMessage}: ${body.trim()}`
}
