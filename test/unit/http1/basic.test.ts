import t from 'tap'
import { Secret } from '../../../src/core/index.ts'
import { formatBasicCredentials, parseBasicCredentials } from '../../../src/http1/index.ts'

function parse(fieldValue: string): string[] | undefined {
  const credentials = parseBasicCredentials(fieldValue)
  return credentials && [credentials.user, credentials.password.reveal()]
}

function encode(text: string, charset: BufferEncoding = 'utf8'): string {
  return `Basic ${Buffer.from(text, charset).toString('base64')}`
}

t.test('credentials are read in the charsets that clients use', async t => {
  const cases: [name: string, fieldValue: string, expected: string[] | undefined][] = [
    ['RFC 7617', 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==', ['Aladdin', 'open sesame']],
    ['any case and space', 'bASIC   QWxhZGRpbjpvcGVuIHNlc2FtZQ ', ['Aladdin', 'open sesame']],
    ['UTF-8', encode('jürgen:geh€im'), ['jürgen', 'geh€im']],
    ['Latin-1', encode('jürgen:ß', 'latin1'), ['jürgen', 'ß']],
    ['a domain and colons in the password', encode('CORP\\u:a:b:'), ['CORP\\u', 'a:b:']],
    ['empty parts', encode(':'), ['', '']],
    ['no colon', encode('user'), undefined],
    ['a control character', encode('user:a\nb'), undefined],
    ['another scheme', 'NTLM TlRMTVNTUAAB', undefined],
    ['no token', 'Basic ', undefined],
    ['no base64', 'Basic a:b', undefined],
  ]
  for (const [name, fieldValue, expected] of cases) t.same(parse(fieldValue), expected, name)
})

t.test('what is formatted is read back', async t => {
  for (const [user, password] of [
    ['u', 'p'],
    ['CORP\\jürgen', 'pä:ss wörd€'],
    ['', ''],
  ] as const) {
    t.same(parse(formatBasicCredentials(user, new Secret(password))), [user, password])
  }
})

t.test('what Basic cannot carry is refused without showing it', async t => {
  for (const [user, password] of [
    ['a:b', 'hush'],
    ['a', 'hush\n'],
    ['a\0', 'hush'],
  ] as const) {
    t.throws(() => formatBasicCredentials(user, new Secret(password)), {
      code: 'AUTH_UNSUPPORTED',
      message: /^(?!.*hush)/s,
    })
  }
})
