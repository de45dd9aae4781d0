import t from 'tap'
import { freePort } from '../harness/real/port.ts'
import { skipUnless } from '../harness/real/programs.ts'
import { type Name, runToEnd, type Test } from './duel.ts'
import { ACCOUNT, demandNtlm, House, serveOpenly } from './house.ts'

interface Trial {
  readonly password?: string
  readonly script?: typeof serveOpenly
  readonly isDead?: boolean
}

/** Runs `-M`: the exit code, the Auth line to put into a configuration, and how many logons it took. */
async function detect(test: Test, name: Name, trial: Trial): Promise<unknown> {
  const { password = ACCOUNT.password, script = demandNtlm, isDead = false } = trial
  const house = await House.start(script)
  test.teardown(async () => house.close())
  const { code, out } = await runToEnd(test, name, {
    args: file => ['-c', file, '-M', 'http://site.test/'],
    lines: [
      `Username ${ACCOUNT.user}`,
      `Domain ${ACCOUNT.domain}`,
      `Password ${password}`,
      `Proxy 127.0.0.1:${isDead ? await freePort() : house.port}`,
    ],
  })
  const [, auth] = /^Auth +(\S+)/m.exec(out) ?? []
  return { code, auth, logons: house.verdicts.length }
}

const LOCKED = 'three to five times lock the account'
const SCRIPTS = 'a script can tell'

const cases: [name: string, verdict: string, Trial, cntlm: unknown, tsntlm: unknown][] = [
  [
    'the right password is sent once',
    'same',
    {},
    { code: 0, auth: 'NTLMv2', logons: 1 },
    { code: 0, auth: 'NTLMv2', logons: 1 },
  ],
  [
    'a wrong password is sent in every dialect',
    `better, because ${LOCKED}`,
    { password: 'wrong' },
    { code: 0, auth: undefined, logons: 4 },
    { code: 0, auth: undefined, logons: 1 },
  ],
  [
    'an upstream that asks for nothing',
    'same',
    { script: serveOpenly },
    { code: 0, auth: undefined, logons: 0 },
    { code: 0, auth: undefined, logons: 0 },
  ],
  [
    'an upstream that is not there ends with 0',
    `better, because ${SCRIPTS}`,
    { isDead: true },
    { code: 0, auth: undefined, logons: 0 },
    { code: 1, auth: undefined, logons: 0 },
  ],
]

if (skipUnless(t, ['cntlm'])) {
  t.jobs = 2
  for (const [name, verdict, trial, cntlm, tsntlm] of cases) {
    t.test(`-M: ${name}: ${verdict}`, { buffered: true }, async t => {
      t.strictSame(await detect(t, 'cntlm', trial), cntlm, 'cntlm')
      t.strictSame(await detect(t, 'tsntlm', trial), tsntlm, 'tsntlm')
    })
  }
}
