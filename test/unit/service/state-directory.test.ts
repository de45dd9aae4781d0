import t from 'tap'
import { chooseStateDirectory, type StateDirectoryFacts } from '../../../src/service/index.ts'

t.test('where the state of accounts is kept', async t => {
  const user = { configured: undefined, env: {}, isRoot: false, home: '/home/alice' }
  const root = { ...user, isRoot: true, home: '/root' }
  const systemd = { STATE_DIRECTORY: '/var/lib/tsntlm-b:/var/lib/other' }
  const xdg = { XDG_STATE_HOME: '/home/alice/state' }
  const cases: [facts: StateDirectoryFacts, directory: string][] = [
    [user, '/home/alice/.local/state/tsntlm'],
    [{ ...user, env: xdg }, '/home/alice/state/tsntlm'],
    // The XDG base directory specification: a relative path is invalid and ignored.
    [{ ...user, env: { XDG_STATE_HOME: 'state' } }, '/home/alice/.local/state/tsntlm'],
    [{ ...user, env: { XDG_STATE_HOME: '' } }, '/home/alice/.local/state/tsntlm'],
    [root, '/var/lib/tsntlm'],
    [{ ...root, env: xdg }, '/var/lib/tsntlm'],
    [{ ...user, env: { ...systemd, ...xdg } }, '/var/lib/tsntlm-b'],
    [{ ...root, env: systemd }, '/var/lib/tsntlm-b'],
    [{ ...user, env: { STATE_DIRECTORY: '' } }, '/home/alice/.local/state/tsntlm'],
    [{ ...root, configured: '/srv/state', env: systemd }, '/srv/state'],
  ]
  for (const [facts, directory] of cases) {
    t.equal(chooseStateDirectory(facts), directory, JSON.stringify(facts))
  }
})
