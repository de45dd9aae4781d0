import { format, inspect } from 'node:util'
import t from 'tap'
import { Secret } from '../../../src/core/index.ts'

const PASSWORD = 'wonderland-4711'

t.test('a secret shows in no way of printing it', async t => {
  for (const value of [PASSWORD, Buffer.from(PASSWORD), { password: PASSWORD }]) {
    const secret = new Secret(value)
    const nested = { config: { list: [secret], map: new Map([['password', secret]]) } }
    const error = Object.assign(new Error('no good', { cause: secret }), { secret })
    const printed = [
      String(secret),
      secret.toString(),
      // eslint-disable-next-line @typescript-eslint/restrict-template-expressions -- that is what is tested
      `${secret}`,
      ['', secret, ''].join(','),
      JSON.stringify(secret),
      JSON.stringify(nested),
      inspect(secret),
      inspect(secret, { showHidden: true, depth: null }),
      inspect(secret, { customInspect: false, showHidden: true }),
      inspect(nested, { depth: null }),
      inspect(error, { depth: null }),
      format('%s %o %O %j %d', secret, secret, secret, secret, secret),
      JSON.stringify(Object.entries(secret)),
      JSON.stringify(Object.assign({}, secret)),
      inspect(Object.getOwnPropertyDescriptors(secret), { depth: null }),
    ].join('\n')
    t.notMatch(printed, PASSWORD)
    t.notMatch(printed, Buffer.from(PASSWORD).toString('hex'))
    t.notMatch(printed, /77,? ?6f,? ?6e/, 'as bytes')
    t.notMatch(printed, /119, ?111, ?110/, 'as numbers')
    t.equal(String(secret), '[secret]')
    t.equal(JSON.stringify({ secret }), '{"secret":"[secret]"}')
    t.equal(inspect({ secret }), '{ secret: [secret] }')
    t.equal(secret.reveal(), value, 'and is given out when asked for')
  }
})
