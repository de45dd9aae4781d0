import t from 'tap'
import { CredentialChoice, type ReadingRecord } from '../../../src/policy/credential-choice.ts'

/** Unix time in ms of the configuration's last change. */
const CHANGED = 1_700_000_000_000

type Action = 'send' | 'reject' | 'accept' | 'leaveOpen'

const BOTH_OUT: ReadingRecord = { configChangedAt: CHANGED, tried: ['inverted', 'plain'] }
const FIRST_OUT: ReadingRecord = { configChangedAt: CHANGED, tried: ['inverted'] }
const PLAIN: ReadingRecord = { configChangedAt: CHANGED, tried: [], accepted: 'plain' }
const INVERTED: ReadingRecord = { configChangedAt: CHANGED, tried: [], accepted: 'inverted' }
const OTHER_FILE = CHANGED - 1

interface Case {
  readonly earlier?: ReadingRecord
  readonly actions: readonly Action[]
  /** Default: two. */
  readonly isUncertain?: boolean
  readonly current: 'inverted' | 'plain' | undefined
  readonly state: 'open' | 'half tried' | 'exhausted' | 'accepted'
  readonly record: ReadingRecord | undefined
}

function stateOf(choice: CredentialChoice): Case['state'] {
  if (choice.isExhausted) return 'exhausted'
  if (choice.isHalfTried) return 'half tried'
  return choice.accepted === undefined ? 'open' : 'accepted'
}

t.test('which reading of the hashes is shown', async t => {
  const cases: Record<string, Case> = {
    'the reading of the installed base comes first': {
      actions: [],
      current: 'inverted',
      state: 'open',
      record: undefined,
    },
    'while it is on its way, a process that crashes has tried it': {
      actions: ['send'],
      current: 'inverted',
      state: 'open',
      record: FIRST_OUT,
    },
    'without a verdict nothing changes': {
      actions: ['send', 'leaveOpen'],
      current: 'inverted',
      state: 'open',
      record: undefined,
    },
    'accepted, it stays': {
      actions: ['send', 'accept'],
      current: 'inverted',
      state: 'accepted',
      record: INVERTED,
    },
    'accepted and later rejected, it stays: the password was changed': {
      actions: ['send', 'accept', 'send', 'reject'],
      current: 'inverted',
      state: 'accepted',
      record: INVERTED,
    },
    'rejected, it makes room for the other': {
      actions: ['send', 'reject'],
      current: 'plain',
      state: 'half tried',
      record: FIRST_OUT,
    },
    'the other is on its way': {
      actions: ['send', 'reject', 'send'],
      current: 'plain',
      state: 'half tried',
      record: BOTH_OUT,
    },
    'the other is accepted': {
      actions: ['send', 'reject', 'send', 'accept'],
      current: 'plain',
      state: 'accepted',
      record: PLAIN,
    },
    'both are rejected': {
      actions: ['send', 'reject', 'send', 'reject'],
      current: undefined,
      state: 'exhausted',
      record: BOTH_OUT,
    },
    'a restart goes on with the other': {
      earlier: FIRST_OUT,
      actions: ['send', 'reject'],
      current: undefined,
      state: 'exhausted',
      record: BOTH_OUT,
    },
    'a restart makes no third try': {
      earlier: BOTH_OUT,
      actions: [],
      current: undefined,
      state: 'exhausted',
      record: BOTH_OUT,
    },
    'a restart takes what had worked': {
      earlier: PLAIN,
      actions: ['send'],
      current: 'plain',
      state: 'accepted',
      record: PLAIN,
    },
    'and keeps it when it is rejected then': {
      earlier: PLAIN,
      actions: ['send', 'reject'],
      current: 'plain',
      state: 'accepted',
      record: PLAIN,
    },
    'what another file led to says nothing': {
      earlier: { ...PLAIN, configChangedAt: OTHER_FILE },
      actions: [],
      current: 'inverted',
      state: 'open',
      record: undefined,
    },
    'nor do the tries of another file': {
      earlier: { ...BOTH_OUT, configChangedAt: OTHER_FILE },
      actions: ['send', 'reject'],
      current: 'plain',
      state: 'half tried',
      record: FIRST_OUT,
    },
    'nothing to choose': {
      isUncertain: false,
      actions: ['send', 'reject', 'send', 'accept'],
      current: undefined,
      state: 'open',
      record: undefined,
    },
    'nothing to choose, but what was found out about the file is kept': {
      isUncertain: false,
      earlier: BOTH_OUT,
      actions: ['send', 'reject', 'send', 'accept'],
      current: undefined,
      state: 'open',
      record: BOTH_OUT,
    },
  }
  for (const [name, { earlier, actions, isUncertain = true, ...expected }] of Object.entries(
    cases,
  )) {
    const choice = new CredentialChoice(isUncertain, CHANGED, earlier)
    for (const action of actions) choice[action]()
    const { current, record } = choice
    t.strictSame({ current, state: stateOf(choice), record }, expected, name)
  }
})
