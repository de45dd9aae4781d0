import t from 'tap'
import { suggestName } from '../../../src/config/index.ts'
import { isSecretName, printableName } from '../../../src/config/names.ts'

t.test('a mistyped name suggests the one that was meant', async t => {
  const known = ['Username', 'Password', 'PassNT', 'PassLM', 'Proxy', 'NoProxy', 'Listen', 'Deny']
  const table: [name: string, suggestion: string | undefined][] = [
    ['usrename', 'Username'],
    ['Passwort', 'Password'],
    ['PASSNTL', 'PassNT'],
    ['Prxoy', 'Proxy'],
    ['Listn', 'Listen'],
    ['Dney', 'Deny'],
    ['proxy', 'Proxy'],
    ['Upstream', undefined],
    ['x', undefined],
    ['', undefined],
    ['a'.repeat(1000), undefined],
  ]
  for (const [name, suggestion] of table) t.equal(suggestName(name, known), suggestion, name)
})

t.test('a keyword that may have swallowed a secret is cut', async t => {
  const table: [name: string, printable: string][] = [
    ['Passwordhunter2', 'Password...'],
    ['passntlmv28846F7EA', 'PassNTLMv2...'],
    ['PASSNT8846F7EA', 'PassNT...'],
    ['passNTLMv2', 'passNTLMv2'],
    ['socks5userbob:hunter2', 'SOCKS5User...'],
    ['SOCKS5Users', 'SOCKS5Users'],
    ['Passwort', 'Passwort'],
    ['passwordFile', 'passwordFile'],
    ['PasswordFilehunter2', 'Password...'],
  ]
  for (const [name, printable] of table) t.equal(printableName(name), printable)
  for (const name of ['PASSWORD', 'SOCKS5User', 'Socks5Users']) t.ok(isSecretName(name), name)
  for (const name of ['PassEncoding', 'PasswordFile']) t.notOk(isSecretName(name), name)
})
