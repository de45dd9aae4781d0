import t from 'tap'
import { freePort } from '../harness/real/port.ts'
import { run } from '../harness/real/run.ts'
import { DIRECT, linkAsCntlm, serve, tsntlm, writeConfig } from './program.ts'

t.test('the help comes before operands are looked at, and after options', async t => {
  t.match(await tsntlm(['-h', 'no-command']), { code: 0, out: /^tsntlm \[OPTION/, stderr: '' })
  t.match(await tsntlm(['no-command', '--version']), { code: 0, stderr: '' })
  t.match(await tsntlm(['-hZ']), { code: 1, out: '', stderr: /^tsntlm: unknown option -Z\n/ })
  const { code, stdout } = await run(process.execPath, [linkAsCntlm(t), '-h'])
  t.match({ code, out: stdout.toString() }, { code: 0, out: /^cntlm \[OPTION[^]*^ +tsntlm check/m })
})

t.test('a wrong value of a flag is one line with its place, or a warning', async t => {
  const wrong: [args: string[], message: RegExp][] = [
    [['-a', 'foo'], /^argv: error: Auth: the value must be one of .*got "foo" \(.*\)$/],
    [['-a', 'gss'], /^argv: error: Auth: Kerberos .* not supported \(.*\)$/],
    [['-A10.0.0.0/33'], /^argv: error: Allow: .*from 0 to 32, got "33" \(.*\)$/],
    [['-D', ''], /^argv: error: Deny: "" is no address \(.*\)$/],
    [['-l', '70000'], /^argv: error: Listen: port must be 1-65535, got "70000"$/],
    [['-l127.0.0.1'], /^argv: error: Listen: the port is missing \(.*\)$/],
    [['-O', 'x'], /^argv: error: SOCKS5Proxy: the port is missing \(.*\)$/],
    [['-L', '1:2'], /^argv: error: Tunnel: it does not name a port and a target \(.*\)$/],
    [['-Rjoe'], /^argv: error: SOCKS5User: it does not name a user and a password \(.*\)$/m],
    [['host', 'x'], /^argv: error: Proxy: port must be 1-65535, got "x"$/],
    [['host:99999'], /^argv: error: Proxy: port must be 1-65535, got "99999"$/],
    [['[::1]', '0'], /^argv: error: Proxy: port must be 1-65535, got "0"$/],
    [['--log-format', 'xml'], /^argv: error: LogFormat: .*got "xml"$/],
    [['-F', 'junk', '-l0'], /^argv: warning: Flags: "junk" is no 32-bit number.* \(.*\)$/m],
    [['-r', 'no colon', '-l0'], /^argv: warning: Header: there is no colon.* \(.*\)$/m],
    [['-N', 'http://a', '-l0'], /^argv: warning: NoProxy: "http:\/\/a" was ignored.* \(.*\)$/m],
  ]
  const file = writeConfig(t, DIRECT)
  await Promise.all(
    wrong.map(async ([args, message]) => {
      const { code, out, stderr } = await tsntlm(['-c', file, '-l1', ...args])
      t.match({ code, out }, { code: 1, out: '' }, args.join(' '))
      t.match(stderr.trimEnd(), message)
      t.notMatch(stderr, /^ +at |node:internal/m)
    }),
  )
})

t.test('a Proxy beside NoProxy *, which cntlm wants there, needs no account', async t => {
  const daemon = await serve(t, ['-c', writeConfig(t, DIRECT), `-l${await freePort()}`, 'dummy:1'])
  t.equal(await daemon.stop(), 0)
})
