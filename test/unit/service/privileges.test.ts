import t from 'tap'
import { resolveIdentity } from '../../../src/service/index.ts'

const FILES = {
  passwd: [
    'root:x:0:0:root:/root:/bin/sh',
    '# a comment',
    'toor:x:0:0::/:/bin/sh',
    'cntlm:x:113:121:,,,:/run/cntlm:/bin/sh',
    'broken:x::121::/:/bin/sh',
    '',
  ].join('\n'),
  group: ['cntlm:x:121:', 'proxy:x:13:www,cntlm', 'adm:x:4:cntlmd', 'own:x:121:cntlm', ''].join(
    '\n',
  ),
}

t.test('a name has its groups, a number is its only group', async t => {
  const cntlm = { uid: 113, gid: 121, groups: [121, 13] }
  t.strictSame(resolveIdentity('cntlm', FILES), cntlm)
  t.strictSame(resolveIdentity('113', FILES), { uid: 113, gid: 113, groups: [113] })
})

t.test('root and unknown users are refused', async t => {
  for (const user of ['root', 'toor', '0', '00'])
    t.throws(() => resolveIdentity(user, FILES), { code: 'CONFIG', detail: /is root/ }, user)
  for (const user of ['nobody', 'broken', '', '-1', '4294967295', 'cntlm:x', '# a comment'])
    t.throws(() => resolveIdentity(user, FILES), { code: 'CONFIG', detail: /no user/ }, user)
})
