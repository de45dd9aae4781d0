import { readFileSync } from 'node:fs'

import t from 'tap'

import { isProxyError } from '../../../src/core/index.ts'
import { channelBindingsHash, tlsServerEndPoint } from '../../../src/ntlm/channel-bindings.ts'
import { hex, vectors } from '../../harness/ntlm-vectors.ts'

interface Certificate {
  readonly signature: string
  readonly application_data_digest: string | null
  readonly der_base64: string
}

const file = new URL('../../vectors/certificates.json', import.meta.url)
const certificates = JSON.parse(readFileSync(file, 'utf8')) as readonly Certificate[]

t.test('the binding hash is that of the captures', async t => {
  for (const { application_data, md5 } of vectors.channel_bindings) {
    t.equal(channelBindingsHash(hex(application_data)).toString('hex'), md5)
  }
})

t.test('nothing to bind to gives 16 zero bytes', async t => {
  t.same(channelBindingsHash(undefined), Buffer.alloc(16))
})

t.test('the certificate is hashed as its signature was, MD5 and SHA-1 replaced', async t => {
  for (const { signature, application_data_digest, der_base64 } of certificates) {
    const data = tlsServerEndPoint(Buffer.from(der_base64, 'base64'))
    const expected =
      application_data_digest === null
        ? undefined
        : Buffer.concat([Buffer.from('tls-server-end-point:'), hex(application_data_digest)])
    t.same(data, expected, signature)
  }
})

t.test('what is no certificate is refused, wherever it breaks off', async t => {
  const whole = Buffer.from(certificates[0]?.der_base64 ?? '', 'base64')
  t.ok(whole.length > 100)
  for (let length = 0; length < whole.length; length++) {
    const found = t.throws(() => tlsServerEndPoint(whole.subarray(0, length)))
    if (!isProxyError(found) || found.code !== 'BUG') t.fail(`cut at ${length}`)
  }
})
