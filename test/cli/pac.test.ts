import { writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { systemClock, systemEntropy } from '../../src/core/index.ts'
import { makeCertificate } from '../../src/demo/certificate.ts'
import { runProduct } from '../harness/product.ts'
import type { RunOptions } from '../harness/real/run.ts'
import { makeTempDir } from '../harness/temp-dir.ts'
import { hasQuickJs, scriptOf } from '../unit/pac/sandbox.ts'
import { script, ScriptServer } from '../unit/pac/script-server.ts'

interface Output {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

async function pac(args: readonly string[], options: RunOptions = {}): Promise<Output> {
  const { code, stdout, stderr } = await runProduct(['pac', ...args], options)
  return { code, out: stdout.toString(), err: stderr }
}

function write(t: Test, text: string | Buffer, name = 'proxy.pac'): string {
  const file = join(makeTempDir(t), name)
  writeFileSync(file, text)
  return file
}

const CORPORATE = fileURLToPath(new URL('../fixtures/corporate.pac', import.meta.url))

if (await hasQuickJs(t)) {
  t.test('pac prints the answer and what is made of it', async t => {
    const answers = await pac([
      CORPORATE,
      'http://intranet/',
      'archive.example.org:443',
      'supplier-a.example.org',
    ])
    t.strictSame(answers, {
      code: 0,
      err: '',
      out: [
        'http://intranet/',
        '  DIRECT',
        '  1. direct',
        'https://archive.example.org/',
        '  SOCKS5 socks.example.corp:1080; PROXY proxy-eu1.example.corp:8080; PROXY proxy-eu2.example.corp:8080; DIRECT',
        '  1. proxy proxy-eu1.example.corp:8080',
        '  2. proxy proxy-eu2.example.corp:8080',
        '  3. direct',
        '  ignored: SOCKS5 socks.example.corp:1080',
        'http://supplier-a.example.org/',
        '  proxy partner-gw.example.corp:8443 ;',
        '  1. proxy partner-gw.example.corp:8443',
        '',
      ].join('\n'),
    })
  })

  t.test('what a script says comes out without harm, and without what is secret', async t => {
    const body = 'alert("\\x1b[2J", url); return host.length > 3 ? "" : "SOCKS a:1\\x07"'
    const answers = await pac([
      write(t, scriptOf(body)),
      'https://u:hunter2@[::1]:8443/?k=site',
      'h.example',
    ])
    t.strictSame(answers, {
      code: 0,
      err: 'alert: \\u{1b}[2J https://[::1]:8443/\nalert: \\u{1b}[2J http://h.example/\n',
      out: [
        'https://[::1]:8443/?k=site',
        '  SOCKS a:1\\u{7}',
        '  nothing usable: the Proxy lines serve',
        '  ignored: SOCKS a:1\\u{7}',
        'http://h.example/',
        '  (an empty answer)',
        '  nothing usable: the Proxy lines serve',
        '',
      ].join('\n'),
    })
  })

  t.test('a script that does not work is one line', async t => {
    const loop = 'Array.prototype.reverse.call({ length: 2 ** 53 - 1 })'
    const cases: [text: string | Buffer, message: string][] = [
      ['', 'error: The Pac script cannot be used: it is empty'],
      ['<html>Log on', 'error: The Pac script cannot be used: it is a web page, not a script'],
      [Buffer.alloc(100), 'error: The Pac script cannot be used: it is binary, not a script'],
      [
        Buffer.alloc(2_000_000, 'x'),
        'error: The Pac script cannot be used: it has more than 1048576 bytes',
      ],
      ['var a\n\nfunction (', 'error in line 3: SyntaxError: function name expected'],
      [scriptOf('\nreturn missing'), 'error in line 2: ReferenceError: missing is not defined'],
      ['var a', 'error: The Pac script cannot be used: it has no function FindProxyForURL'],
      [
        scriptOf('return 1'),
        'error: The Pac script cannot be used: FindProxyForURL gave number for h, not a string',
      ],
      [
        scriptOf('for (;;) {}'),
        'error: The Pac script takes too long: it was stopped when its time was up',
      ],
      [
        scriptOf(loop),
        'error: The Pac script takes too long: it did not come to an end and was stopped',
      ],
      [loop, 'error: The Pac script takes too long: it did not come to an end and was stopped'],
      [
        scriptOf('var a = []; for (;;) a.push("x".repeat(1000) + a.length)'),
        'error: The Pac script needs too much memory: it used up the memory it is given',
      ],
    ]
    for (const [text, message] of cases) {
      const file = write(t, text)
      t.strictSame(await pac([file, 'http://h/']), {
        code: 1,
        out: '',
        err: `${file}: ${message}\n`,
      })
    }
    const some = write(t, scriptOf(`if (host === 'bad') ${loop}; return 'DIRECT'`))
    const mixed = await pac([some, 'good', 'bad', 'better'])
    t.match(mixed, { code: 1, out: 'http://good/\n  DIRECT\n  1. direct\nhttp://better/\n' })
  })

  t.test('a script from a web server is fetched directly', async t => {
    const server = await ScriptServer.start(t, {
      '/p?key=secret': script(scriptOf('return "DIRECT"')),
    })
    const env = { http_proxy: 'http://127.0.0.1:1', NODE_USE_ENV_PROXY: '1' }
    t.strictSame(await pac([server.url('/p?key=secret'), 'h'], { env }), {
      code: 0,
      out: 'http://h/\n  DIRECT\n  1. direct\n',
      err: '',
    })
    t.strictSame(await pac([server.url('/other?key=secret'), 'h']), {
      code: 1,
      out: '',
      err: `${server.url('/other')}: error: The Pac script cannot be read: its server answers with status 404\n`,
    })
  })

  t.test('https is verified, and does not lead to http', async t => {
    const { keyPem, certPem } = await makeCertificate(['127.0.0.1'], systemClock, systemEntropy)
    const plain = await ScriptServer.start(t, { '/p': script(scriptOf('return "DIRECT"')) })
    const server = createServer({ key: keyPem, cert: certPem }, (request, response) => {
      if (request.url === '/p') response.end(scriptOf('return "DIRECT"'))
      else response.writeHead(302, { Location: plain.url('/p') }).end()
    })
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
    t.teardown(() => server.close())
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    const env = { NODE_EXTRA_CA_CERTS: write(t, certPem, 'ca.pem') }
    t.match(await pac([`${url}/p`, 'h'], { env }), { code: 0, out: /1\. direct/ })
    t.match(await pac([`${url}/p`, 'h']), { code: 1, err: /its certificate is not trusted/ })
    t.match(await pac([`${url}/down`, 'h'], { env }), {
      code: 1,
      err: /redirects from https to http/,
    })
  })

  t.test('a wrong call is one message', async t => {
    const file = write(t, scriptOf('return "DIRECT"'))
    const cases: [args: string[], message: RegExp][] = [
      [[], /^tsntlm: Not enough non-option arguments/],
      [[file], /^tsntlm: Not enough non-option arguments/],
      [
        [file, 'a b', 'http://'],
        /^tsntlm pac: "a b" is neither a URL nor host:port\ntsntlm pac: "http:\/\/"/,
      ],
      [['ftp://h/p', 'h'], /cannot be read: it must be a path, http:\/\/ or https:\/\/\n$/],
      [[`${file}.none`, 'h'], /cannot be read: the file does not exist\n$/],
    ]
    for (const [args, message] of cases) {
      const { code, out, err } = await pac(args)
      t.equal(code, 1)
      t.equal(out, '')
      t.match(err, message)
      t.ok(err.split('\n').length <= 3, err)
    }
  })
}
