import type { Certificates } from '../net/index.ts'
import { type Check, only } from './check.ts'
import { type Judgement, note, ok, problem, skipped } from './finding.ts'

export const CERTIFICATE: Check = {
  layer: 'certificate',
  run: ({ certificates, url }) =>
    only(
      certificates === undefined || url === undefined
        ? skipped('no TLS server was seen; see connect')
        : judgeCertificates(url.authority.host, certificates),
    ),
}

/** OpenSSL's words for an issuer that nobody here knows (openssl-verification-options(1)). */
const UNKNOWN_ISSUER = [
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]

export function judgeCertificates(host: string, { fault, issuer, top }: Certificates): Judgement {
  if (fault === undefined)
    return ok(`${host} is certified by ${issuer}, an issuer that is known here`)
  if (!UNKNOWN_ISSUER.includes(fault)) {
    return problem(
      `the certificate of ${host}, by ${issuer}, is not valid: ${fault}`,
      'see the clock of this host, and the name in the URL',
    )
  }
  return note(
    `${host} is certified by ${top}, an issuer that is not known here: the company's TLS inspection, or a CA of its own`,
    'get the CA certificate (PEM) from those who run the proxy, as ca.crt, and put it where each program looks:',
    'this host: /usr/local/share/ca-certificates/ca.crt, then update-ca-certificates (RHEL: /etc/pki/ca-trust/source/anchors, update-ca-trust)',
    'dockerd: the store of the host, then systemctl restart docker; or for one registry /etc/docker/certs.d/HOST/ca.crt',
    'containers and images: the same in the image, or mount it; the store of the host does not count there',
    'git: http.sslCAInfo; node and npm: NODE_EXTRA_CA_CERTS; pip: PIP_CERT; Java: keytool -importcert -cacerts',
  )
}
