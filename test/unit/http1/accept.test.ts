import t from 'tap'
import { chooseMediaType } from '../../../src/http1/index.ts'

const OFFERED = ['text/plain', 'text/html', 'application/json'] as const

t.test(
  'an Accept field is answered by quality, then by how specific it is, then by order',
  async t => {
    const cases: [accept: string | undefined, type: string | undefined][] = [
      [undefined, 'text/plain'],
      ['*/*', 'text/plain'],
      ['text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8', 'text/html'],
      ['application/json', 'application/json'],
      ['application/json, text/plain, */*', 'application/json'],
      ['application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*', 'text/plain'],
      ['text/html;q=0.5, text/plain;q=0.4', 'text/html'],
      ['text/html;q=0.4, text/plain;q=0.5', 'text/plain'],
      ['text/*', 'text/plain'],
      ['text/*;q=0.9, text/plain;q=0', 'text/html'],
      ['*/*, text/plain;q=0.1', 'text/html'],
      ['TEXT/HTML ; Q=1.000', 'text/html'],
      ['text/html;level=1', 'text/html'],
      ['text/html;q=1.5, application/json;q=0.1', 'application/json'],
      ['image/png', undefined],
      ['', undefined],
      ['text/plain;q=0', undefined],
      [`${'a/b,'.repeat(5_000)}text/html`, undefined],
    ]
    for (const [accept, type] of cases)
      t.equal(chooseMediaType(accept, OFFERED), type, accept ?? 'no field')
  },
)
