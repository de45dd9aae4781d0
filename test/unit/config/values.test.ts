import { inspect } from 'node:util'
import t from 'tap'
import {
  count,
  duration,
  formatDuration,
  oneOf,
  type Parsed,
  parseDialect,
  parseAbsolutePath,
  parseHash,
  parseHeader,
  parseLenientYesNo,
  parseNegotiateFlags,
  parseOptionalText,
  parsePassword,
  parseSocksUser,
  parseText,
  parseYesNo,
  quote,
} from '../../../src/config/values.ts'

/** The value of what must be accepted without a warning. */
function valueOf<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new Error(parsed.error)
  if (parsed.warnings.length > 0) throw new Error(warningOf(parsed))
  return parsed.value
}

const errorOf = (parsed: Parsed<unknown>): string => (parsed.ok ? 'accepted' : parsed.error)

const warningOf = (parsed: Parsed<unknown>): string =>
  parsed.ok ? parsed.warnings.map(({ message }) => message).join() : 'refused'

t.test('durations are milliseconds', async t => {
  const table: [text: string, ms: number][] = [
    ['500ms', 500],
    ['2.5s', 2500],
    ['15m', 900_000],
    ['1H', 3_600_000],
    ['100', 100_000],
    ['0.25', 250],
    ['596h', 2_145_600_000],
  ]
  for (const [text, ms] of table) t.equal(valueOf(duration('refused')(text)), ms, text)
  t.equal(valueOf(duration('off')('Off')), 0)
  t.equal(valueOf(duration('off')('0')), 0)
  t.equal(valueOf(duration('at once')('0s')), 0)
})

t.test('what is no duration is refused', async t => {
  for (const text of ['', '-1', '1d', '1 s', '.5', '1.', 'off', '1e3', '0x10']) {
    t.match(errorOf(duration('refused')(text)), 'is no duration', text)
  }
  t.match(errorOf(duration('at once')('off')), 'is no duration')
  t.equal(errorOf(duration('refused')('0')), 'the duration must not be 0')
  t.equal(errorOf(duration('refused')('0.0001s')), 'the duration must not be 0')
  t.equal(errorOf(duration('off')('597h')), 'at most 24 days are possible, got "597h"')
})

t.test('a formatted duration reads back', async t => {
  const table: [ms: number, text: string][] = [
    [0, '0s'],
    [1, '1ms'],
    [2500, '2.5s'],
    [100_000, '100s'],
    [60_000, '1m'],
    [5_400_000, '90m'],
    [7_200_000, '2h'],
    [1234, '1234ms'],
  ]
  for (const [ms, text] of table) {
    t.equal(formatDuration(ms), text)
    t.equal(valueOf(duration('at once')(text)), ms)
  }
})

t.test('Flags are a C integer with its bytes in wire order', async t => {
  const table: [text: string, flags: number | undefined][] = [
    ['0x06820000', 0x00008206],
    ['0X05B208A2', 0xa208b205],
    ['109182976', 0x00008206],
    ['0640400000', 0x00008206],
    ['0', undefined],
    ['0x0', undefined],
    ['0xffffffff', 0xffffffff],
  ]
  for (const [text, flags] of table) t.equal(valueOf(parseNegotiateFlags(text)), flags, text)
  for (const text of ['', 'junk', '0x', '08', '0x1ffffffff', '-1', '1.5']) {
    const parsed = parseNegotiateFlags(text)
    t.match(warningOf(parsed), 'is no 32-bit number and was ignored', text)
    t.equal(parsed.ok ? parsed.value : 0, undefined)
  }
})

t.test('a hash is exactly 16 bytes and never shown', async t => {
  const digits = '8846F7EAEE8FB117ad06bdd830b7586c'
  t.equal(valueOf(parseHash(digits)).reveal().toString('hex'), digits.toLowerCase())
  for (const text of ['', digits.slice(1), `${digits}0`, `${digits.slice(1)}g`, digits.repeat(2)]) {
    const error = errorOf(parseHash(text))
    t.match(error, '32 hexadecimal digits are needed', text)
    if (text !== '') t.notOk(error.includes(text.slice(0, 8)), 'the digits are not in the error')
  }
})

t.test('an empty password is none', async t => {
  t.equal(valueOf(parsePassword('')), undefined)
  t.equal(valueOf(parsePassword(' a#b '))?.reveal(), ' a#b ')
})

t.test('names hold no control characters', async t => {
  t.equal(valueOf(parseText('CORP\\b\u00f6b')), 'CORP\\b\u00f6b')
  t.equal(valueOf(parseOptionalText('')), undefined)
  t.equal(valueOf(parseOptionalText('w')), 'w')
  t.equal(errorOf(parseText('a\0b')), 'control characters are not allowed')
  t.equal(errorOf(parseOptionalText('a\x1bb')), 'control characters are not allowed')
})

t.test('every dialect but NTLMv2 says what is weak', async t => {
  t.equal(valueOf(parseDialect('ntlmv2')), 'NTLMv2')
  for (const dialect of ['NTLM2SR', 'NTLM', 'NT', 'LM']) {
    t.match(
      warningOf(parseDialect(dialect.toLowerCase())),
      new RegExp(`^${dialect} .*records a logon`),
    )
  }
  t.equal(errorOf(parseDialect('GSS')), 'Kerberos (GSS) is not supported')
  t.match(errorOf(parseDialect('NTLMv3')), 'the value must be one of NTLMv2, ')
})

t.test('only Gateway takes other words than yes and no', async t => {
  t.equal(valueOf(parseYesNo('YES')), true)
  t.equal(valueOf(parseYesNo('no')), false)
  t.equal(errorOf(parseYesNo('on')), 'the value must be one of yes, no, got "on"')
  t.equal(valueOf(parseLenientYesNo('Yes')), true)
  t.equal(valueOf(parseLenientYesNo('no')), false)
  t.equal(warningOf(parseLenientYesNo('true')), '"true" counts as no')
})

t.test('words and whole numbers have their limits', async t => {
  t.equal(valueOf(oneOf('json', 'text')('JSON')), 'json')
  t.equal(valueOf(count(1, 16)('16')), 16)
  for (const text of ['0', '17', '-1', '1.5', '', '1e1', '9'.repeat(30)]) {
    t.match(errorOf(count(1, 16)(text)), 'a whole number from 1 to 16 is needed', text)
  }
})

t.test('a header has a name and a value that HTTP allows', async t => {
  const table: [text: string, name: string, value: string][] = [
    ['User-Agent: Mozilla/4.0 (compatible)', 'User-Agent', 'Mozilla/4.0 (compatible)'],
    ['X-A:b: c', 'X-A', 'b: c'],
    ['X-A :', 'X-A', ''],
    ['X-A: \u00e9', 'X-A', '\u00e9'],
  ]
  for (const [text, name, value] of table) t.strictSame(valueOf(parseHeader(text)), { name, value })
  t.equal(warningOf(parseHeader('A b: c')), '"A b" is no header name, it was ignored')
  t.equal(warningOf(parseHeader(': c')), '"" is no header name, it was ignored')
  for (const bad of ['a\rb', 'a\0b', 'a\x7fb', '\u20ac']) {
    t.equal(
      errorOf(parseHeader(`X: ${bad}`)),
      'the value of X holds characters that HTTP does not allow',
    )
  }
  t.equal(warningOf(parseHeader('secret')), 'there is no colon, it was ignored')
  t.equal(
    warningOf(parseHeader('Content-length: 3')),
    'Content-length is written by tsntlm itself, it was ignored',
  )
})

t.test('an account of SOCKS5 clients is user:password', async t => {
  const long = 'x'.repeat(255)
  const table: [text: string, user: string, password: string][] = [
    ['u:p', 'u', 'p'],
    ['User:p:w::d', 'User', 'p:w::d'],
    ['u::', 'u', ':'],
    ['DOMAIN\\u:p w', 'DOMAIN\\u', 'p w'],
    [`${long}:${'y'.repeat(255)}`, long, 'y'.repeat(255)],
  ]
  for (const [text, user, password] of table) {
    const account = valueOf(parseSocksUser(text))
    t.equal(account.user, user)
    t.equal(account.password.reveal(), password)
    t.notOk(inspect(account).includes(`'${password}'`), 'it is not shown')
  }
  const incomplete = 'it does not name a user and a password'
  for (const bad of ['', 'hunter2', ':hunter2', 'u:', ':'])
    t.equal(errorOf(parseSocksUser(bad)), incomplete, bad)
  // RFC 1929 counts octets: 128 letters of two octets are one too many.
  for (const bad of [`${long}x:p`, `u:${long}x`, `u:${'\u00e9'.repeat(128)}`])
    t.equal(errorOf(parseSocksUser(bad)), 'user and password have at most 255 bytes each in SOCKS5')
})

t.test('the state directory is an absolute path', async t => {
  t.equal(valueOf(parseAbsolutePath('/var/lib/tsntlm')), '/var/lib/tsntlm')
  t.equal(valueOf(parseAbsolutePath('C:\\ProgramData\\tsntlm')), 'C:\\ProgramData\\tsntlm')
  t.equal(errorOf(parseAbsolutePath('state')), 'an absolute path is needed, got "state"')
  t.equal(errorOf(parseAbsolutePath('')), 'an absolute path is needed, got ""')
  t.equal(errorOf(parseAbsolutePath('/a\0')), 'control characters are not allowed')
})

t.test('a value in a message is short and cannot write to the terminal', async t => {
  t.equal(quote('a"\x1b[2J'), '"a\\"\\u001b[2J"')
  t.equal(quote('\x9b\u202e'), '"\\u{9b}\\u{202e}"')
  t.equal(quote('x'.repeat(100)).length, 65)
})
