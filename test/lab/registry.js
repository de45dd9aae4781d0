// registry.js LAYER CERTIFICATE KEY ADDRESS PORT: a registry (Docker Registry HTTP API V2) that serves one image "lab:1", read-only, of
// one layer, a tar file.
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:https'

const [layerFile = '', certificate = '', key = '', address = '', port = ''] = process.argv.slice(2)

const digestOf = data => `sha256:${createHash('sha256').update(data).digest('hex')}`

const hash = createHash('sha256')
for await (const chunk of createReadStream(layerFile)) hash.update(chunk)
const layerDigest = `sha256:${hash.digest('hex')}`

const config = Buffer.from(
  JSON.stringify({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Cmd: ['true'] },
    rootfs: { type: 'layers', diff_ids: [layerDigest] },
  }),
)
const manifestType = 'application/vnd.docker.distribution.manifest.v2+json'
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    config: {
      mediaType: 'application/vnd.docker.container.image.v1+json',
      size: config.length,
      digest: digestOf(config),
    },
    layers: [
      {
        mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
        size: statSync(layerFile).size,
        digest: layerDigest,
      },
    ],
  }),
)

function answer(request, response) {
  const send = (type, body) => {
    response.writeHead(200, {
      'Content-Type': type,
      'Content-Length': body.length,
      'Docker-Content-Digest': digestOf(body),
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  }
  const path = request.url ?? ''
  if (path === '/v2/') send('application/json', Buffer.from('{}'))
  else if (path.startsWith('/v2/lab/manifests/')) send(manifestType, manifest)
  else if (path === `/v2/lab/blobs/${digestOf(config)}`) send('application/octet-stream', config)
  else if (path === `/v2/lab/blobs/${layerDigest}`) {
    response.writeHead(200, { 'Content-Length': statSync(layerFile).size })
    createReadStream(layerFile).pipe(response)
  } else {
    response.writeHead(404)
    response.end()
  }
}

createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, answer).listen(
  Number(port),
  address,
  () => console.log('ready'),
)
