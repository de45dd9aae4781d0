import t from 'tap'
import { appendVia, viaNames } from '../../../src/http1/index.ts'

t.test('we come last in Via', async t => {
  const headers = ['Via', '1.0 a', 'X', 'y']
  appendVia(headers, '1.1', 'tsntlm-1')
  t.same(headers, ['Via', '1.0 a', 'X', 'y', 'Via', '1.1 tsntlm-1'])
  t.ok(viaNames(headers, 'tsntlm-1'))
})

t.test('we find ourselves only where a receiver stands', async t => {
  const cases: [value: string, expected: boolean][] = [
    ['1.1 us', true],
    ['HTTP/1.1 US', true],
    ['1.0 a, 1.1 b (squid, 5.7), 1.1\tus (x)', true],
    ['1.1 a (one (two), ) three), 1.1 us', true],
    ['1.1 a (\\), 1.1 us', false],
    ['1.1 a (, 1.1 us)', false],
    ['1.1 a, us', false],
    ['us 1.1', false],
    ['1.1 us.example', false],
    ['1.1 a), 1.1 us', true],
    ['', false],
  ]
  for (const [value, expected] of cases) t.equal(viaNames(['Via', value], 'us'), expected, value)
  t.ok(viaNames(['via', '1.1 a', 'X', 'y', 'VIA', '1.1 us'], 'Us'), 'any Via field')
  t.notOk(viaNames(['X', '1.1 us'], 'us'))
})
