import t from 'tap'
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock, systemEntropy } from '../../src/core/index.ts'
import { makeCertificate } from '../../src/demo/certificate.ts'
import { startGitSite } from '../harness/real/git-site.ts'
import { freePort } from '../harness/real/port.ts'
import { program, skipUnless } from '../harness/real/programs.ts'
import { run } from '../harness/real/run.ts'
import { ORIGIN_HOST } from '../harness/real/squid.ts'
import { curl, productFor, PROGRAMS, siteFor, squidFor, statuses } from './network.ts'

const MIB = 1024 * 1024

/** What the origin's /bytes gives. */
function alphabet(length: number): Buffer {
  return Buffer.alloc(length, 'abcdefghijklmnopqrstuvwxyz012345')
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

if (skipUnless(t, [...PROGRAMS, 'git', 'python3'])) {
  const squid = await squidFor(t, { auth: 'policy' })
  const product = await productFor(t, { squids: [squid] })
  const site = await siteFor(t)
  const upload = join(site.dir, 'upload')
  await writeFile(upload, alphabet(20 * MIB))

  t.test('many requests one after the other need one handshake', async t => {
    for (let i = 0; i < 20; i++) {
      t.same(await statuses(product, [site.http('/hello')]), [200])
    }
    const [attempt, ...more] = await squid.authLog()
    t.match(attempt, { user: 'alice', domain: 'CORP', dialect: 'NTLMv2', ok: true })
    t.same(more, [])
    const lines = (await squid.accessLog()).filter(({ status }) => status === 200)
    t.equal(lines.length, 20)
    t.equal(new Set(lines.map(({ client }) => client)).size, 1)
    t.ok(lines.every(({ user }) => /alice/i.test(user)))
  })

  t.test('a GET brings the page as it is', async t => {
    const { code, stdout } = await curl(product, [site.http('/hello')])
    t.equal(code, 0)
    t.equal(stdout.toString(), 'Hello from the origin\n')
  })

  t.test('a HEAD has the length and no body', async t => {
    const { code, stdout } = await curl(product, ['-I', site.http('/bytes?n=4096')])
    t.equal(code, 0)
    t.match(stdout.toString(), /^HTTP\/1\.1 200 /)
    t.match(stdout.toString(), /^content-length: 4096\r$/im)
  })

  t.test('POST bodies arrive whole', async t => {
    const body = alphabet(64 * 1024)
    const ways: [string, string[]][] = [
      ['with Content-Length', []],
      ['chunked', ['-H', 'Transfer-Encoding: chunked']],
      ['after Expect: 100-continue', ['-H', 'Expect: 100-continue']],
      ['chunked and expecting', ['-H', 'Transfer-Encoding: chunked', '-H', 'Expect: 100-continue']],
    ]
    for (const [name, args] of ways) {
      for (const url of [site.http('/echo'), site.https('/echo')]) {
        const all = ['--cacert', site.caFile, ...args, '--data-binary', '@-', url]
        const { code, stdout } = await curl(product, all, { input: body })
        t.equal(code, 0, name)
        t.same(
          JSON.parse(stdout.toString()),
          { method: 'POST', bytes: body.length, sha256: sha256(body) },
          name,
        )
      }
    }
  })

  t.test('a chunked answer keeps its body', async t => {
    const { stdout } = await curl(product, [site.http('/chunked?n=3')])
    t.equal(stdout.toString(), 'chunk 1\nchunk 2\nchunk 3\n')
  })

  t.test('CONNECT carries TLS', async t => {
    const { code, stdout } = await curl(product, ['--cacert', site.caFile, site.https('/hello')])
    t.equal(code, 0)
    t.equal(stdout.toString(), 'Hello from the origin\n')
  })

  t.test('20 MiB come and go through a tunnel unchanged', async t => {
    const expected = sha256(alphabet(20 * MIB))
    const trust = ['--cacert', site.caFile]
    const down = await curl(product, [...trust, site.https(`/bytes?n=${20 * MIB}`)])
    t.equal(sha256(down.stdout), expected)
    const up = await curl(product, [...trust, '-T', upload, site.https('/echo')])
    t.match(JSON.parse(up.stdout.toString()), { method: 'PUT', bytes: 20 * MIB, sha256: expected })
  })

  t.test('200 requests at once all succeed', async t => {
    const parallel = ['-Z', '--parallel-immediate', '--parallel-max', '200']
    const plain = await statuses(product, [...parallel, site.http('/bytes?n=1000&i=[1-200]')])
    t.same(plain, Array(200).fill(200))
    const tunnels = ['--cacert', site.caFile, ...parallel, site.https('/bytes?n=1000&i=[1-100]')]
    t.same(await statuses(product, tunnels), Array(100).fill(200))
    t.ok((await squid.authLog()).every(({ ok }) => ok))
  })

  t.test('curl and git come through a SOCKS5 port', async t => {
    const port = await freePort()
    const config = [`SOCKS5Proxy 127.0.0.1:${port}`, 'SOCKS5User builder:change me']
    await productFor(t, { squids: [squid], config })
    const socks = { url: `socks5h://builder:change%20me@127.0.0.1:${port}` }
    t.same(await statuses(socks, [site.http('/hello')]), [200])
    t.same(await statuses(socks, ['--cacert', site.caFile, site.https('/hello')]), [200])
    const stranger = { url: `socks5h://builder:guess@127.0.0.1:${port}` }
    t.equal((await curl(stranger, [site.http('/hello')])).code, 97, 'the proxy handshake fails')
    const { keyPem, certPem } = await makeCertificate([ORIGIN_HOST], systemClock, systemEntropy)
    const origin = await startGitSite({ key: keyPem, cert: certPem, content: alphabet(1000) })
    t.teardown(() => origin.stop())
    const url = `http://${ORIGIN_HOST}:${origin.httpPort}/repo.git`
    const args = ['-c', `http.proxy=${socks.url}`, 'ls-remote', url, 'HEAD']
    const listed = await run(program('git'), args, { env: { GIT_CONFIG_NOSYSTEM: '1' } })
    t.equal(listed.code, 0, listed.stderr)
    t.match(listed.stdout.toString(), origin.head)
  })

  t.test('git clones and pushes over http and https', async t => {
    const clock = systemClock
    const { keyPem, certPem } = await makeCertificate([ORIGIN_HOST], clock, systemEntropy)
    const dir = t.testdir({ 'git-ca.pem': certPem })
    const content = systemEntropy.bytes(3 * MIB)
    const origin = await startGitSite({ key: keyPem, cert: certPem, content })
    t.teardown(() => origin.stop())
    // In the environment, where it outdoes what the machine may have set there.
    const env = { GIT_SSL_CAINFO: join(dir, 'git-ca.pem'), GIT_CONFIG_NOSYSTEM: '1' }
    const settings = ['-c', `http.proxy=${product.url}`]
    const identity = ['-c', 'user.name=A Person', '-c', 'user.email=person@demo.test']
    const sites = { http: origin.httpPort, https: origin.httpsPort }
    let head = origin.head
    const git = program('git')
    for (const [scheme, port] of Object.entries(sites)) {
      const clone = join(dir, scheme)
      const url = `${scheme}://${ORIGIN_HOST}:${port}/repo.git`
      const inClone = async (...args: string[]): Promise<string> => {
        const result = await run(git, ['-C', clone, ...settings, ...identity, ...args], { env })
        t.equal(result.code, 0, result.stderr)
        return result.stdout.toString().trim()
      }
      const cloned = await run(git, [...settings, 'clone', '-q', url, clone], { env })
      t.equal(cloned.code, 0, cloned.stderr)
      t.equal(await inClone('rev-parse', 'HEAD'), head)
      t.ok(content.equals(await readFile(join(clone, 'content'))))
      // More than http.postBuffer (1 MiB), so that git sends it chunked.
      await writeFile(join(clone, 'more'), systemEntropy.bytes(2 * MIB))
      await inClone('add', 'more')
      await inClone('commit', '-q', '-m', scheme)
      await inClone('push', '-q', 'origin', 'main')
      head = await inClone('rev-parse', 'HEAD')
    }
  })

  t.test('SIGTERM ends the program with success', async t => {
    t.equal(await product.stop(), 0)
  })
}
