import t from 'tap'
import { type ErrorCode, ERRORS } from '../../../src/core/index.ts'
import { type Stage, terminationOf } from '../../../src/policy/index.ts'

t.test('two letters say who ended a request and where', async t => {
  const cases: [code: ErrorCode | undefined, stage: Stage, letters: string][] = [
    [undefined, 'data', '--'],
    [undefined, 'request', '--'],
    ['CLIENT_ABORTED', 'request', 'CR'],
    ['CLIENT_ABORTED', 'upstream', 'CH'],
    ['CLIENT_ABORTED', 'data', 'CD'],
    ['CLIENT_TIMEOUT', 'request', 'cR'],
    ['CLIENT_TIMEOUT', 'data', 'cD'],
    ['BAD_REQUEST', 'request', 'CR'],
    ['LOOP_DETECTED', 'request', 'CR'],
    ['ROUTE_DENIED', 'upstream', 'PR'],
    ['NO_UPSTREAM', 'upstream', 'PC'],
    ['POOL_TIMEOUT', 'upstream', 'RQ'],
    ['DRAINING', 'upstream', 'KQ'],
    ['DRAINING', 'data', 'KD'],
    ['DIAL_REFUSED', 'upstream', 'SC'],
    ['DIAL_DNS', 'upstream', 'SC'],
    ['DIAL_TIMEOUT', 'upstream', 'sC'],
    ['AUTH_REJECTED', 'upstream', 'PA'],
    ['AUTH_LOCKED_OUT', 'upstream', 'PA'],
    ['AUTH_NOT_OFFERED', 'upstream', 'SA'],
    ['AUTH_NO_ACCOUNT', 'upstream', 'PA'],
    ['CLIENT_AUTH_REQUIRED', 'upstream', 'CR'],
    ['CLIENT_AUTH_REJECTED', 'upstream', 'CA'],
    ['UPSTREAM_CLOSED', 'upstream', 'SH'],
    ['UPSTREAM_CLOSED', 'data', 'SD'],
    ['UPSTREAM_TIMEOUT', 'upstream', 'sH'],
    ['UPSTREAM_TIMEOUT', 'data', 'sD'],
    ['UPSTREAM_SILENT', 'upstream', 'sH'],
    ['BUG', 'data', 'ID'],
  ]
  for (const [code, stage, letters] of cases) {
    t.equal(terminationOf(code, stage), letters, `${code} in ${stage}`)
  }
})

t.test('every code has its letters in every stage', async t => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    for (const stage of ['request', 'upstream', 'data'] satisfies Stage[]) {
      t.match(terminationOf(code, stage), /^[CSPRIcsK][RQCAHD]$/, `${code} in ${stage}`)
    }
  }
})
