import t from 'tap'
import { hasPassword, maskProxy } from '../../../src/doctor/mask.ts'

t.test('a proxy is shown without its password, whatever is in that', async t => {
  const cases: [value: string, shown: string, has: boolean][] = [
    ['http://proxy:8080', 'http://proxy:8080', false],
    ['proxy:8080', 'proxy:8080', false],
    ['http://u:pw@proxy:8080/', 'http://u:***@proxy:8080/', true],
    ['http://u:p@ss:w/ord@proxy:8080', 'http://u:***@proxy:8080', true],
    ['u:pw@proxy:8080', 'u:***@proxy:8080', true],
    ['HTTP://CORP\\u:pw\n2@proxy', 'HTTP://CORP\\u:***@proxy', true],
    ['', '', false],
  ]
  for (const [value, shown, has] of cases) {
    t.equal(maskProxy(value), shown)
    t.equal(hasPassword(value), has, value)
  }
})
