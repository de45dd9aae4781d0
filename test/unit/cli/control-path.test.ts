import t from 'tap'
import { socketToAsk, usualSocket } from '../../../src/cli/control-path.ts'

const USER = '/run/user/1000'

t.test('the usual place is that of systemd, of root, or of the user', async t => {
  const cases = [
    [{ RUNTIME_DIRECTORY: '/run/tsntlm' }, false, '/run/tsntlm/control.sock'],
    [{ RUNTIME_DIRECTORY: '/run/a:/run/b', XDG_RUNTIME_DIR: USER }, true, '/run/a/control.sock'],
    [{}, true, '/run/tsntlm/control.sock'],
    [{ XDG_RUNTIME_DIR: USER }, false, `${USER}/tsntlm/control.sock`],
    [{ XDG_RUNTIME_DIR: '/gone' }, false, undefined],
    [{ XDG_RUNTIME_DIR: 'relative' }, false, undefined],
    [{}, false, undefined],
  ] as const
  for (const [env, isRoot, path] of cases)
    t.equal(usualSocket({ env, isRoot, isThere: at => at === USER }), path)
})

t.test('a user who runs none asks that of the host', async t => {
  const own = `${USER}/tsntlm/control.sock`
  const facts = { env: { XDG_RUNTIME_DIR: USER }, isRoot: false }
  t.equal(socketToAsk({ ...facts, isThere: at => at === USER || at === own }), own)
  t.equal(socketToAsk({ ...facts, isThere: at => at === USER }), '/run/tsntlm/control.sock')
})
