import t from 'tap'
import { inheritedSockets } from '../../../src/service/index.ts'
import { servedOn } from '../../../src/service/inherited-sockets.ts'

type Sockets = ReturnType<typeof inheritedSockets>

t.test('the environment of sd_listen_fds(3) names the sockets of this process alone', async t => {
  const own = { LISTEN_PID: '42' }
  const cases: [env: Record<string, string>, sockets: Sockets][] = [
    [{}, []],
    [{ LISTEN_FDS: '1' }, []],
    [{ LISTEN_PID: '41', LISTEN_FDS: '1' }, []],
    [{ ...own, LISTEN_FDS: '0' }, []],
    [{ ...own, LISTEN_FDS: '-1' }, []],
    [{ ...own, LISTEN_FDS: 'many' }, []],
    [own, []],
    [{ ...own, LISTEN_FDS: '1' }, [{ fd: 3, name: 'unknown' }]],
    [
      { ...own, LISTEN_FDS: '3', LISTEN_FDNAMES: 'tsntlm.socket:socks5' },
      [
        { fd: 3, name: 'tsntlm.socket' },
        { fd: 4, name: 'socks5' },
        { fd: 5, name: 'unknown' },
      ],
    ],
  ]
  for (const [env, sockets] of cases)
    t.strictSame(inheritedSockets(env, 42), sockets, JSON.stringify(env))
})

t.test('an inherited socket serves HTTP unless its name says socks5', async t => {
  const cases = {
    unknown: 'http',
    'tsntlm.socket': 'http',
    socks5: 'socks5',
    'SOCKS5-lan': 'socks5',
  }
  for (const [name, kind] of Object.entries(cases))
    t.strictSame(servedOn({ fd: 3, name }), { kind }, name)
})
