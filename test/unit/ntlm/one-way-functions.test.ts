import { execFileSync } from 'node:child_process'

import t from 'tap'

import { md5 } from '../../../src/ntlm/md5.ts'
import { lmowfv1, ntowfv1, ntowfv2, passNtlmV2 } from '../../../src/ntlm/one-way-functions.ts'
import { isCaseAmbiguous, upcase, upcaseAscii } from '../../../src/ntlm/upcase.ts'
import { hex, vectors } from '../../harness/ntlm-vectors.ts'

const allUnits = Array.from({ length: 0x10000 }, (_, unit) => String.fromCharCode(unit))

t.test('LMOWFv1 gives the known hashes', async t => {
  for (const { password_text, out } of vectors.lmowfv1) {
    const expected = password_text.length > 14 ? undefined : out
    t.equal(lmowfv1(password_text)?.toString('hex'), expected, `of "${password_text}"`)
  }
  t.same(lmowfv1('SECRET01'), lmowfv1('secret01'), 'and knows no case')
})

t.test('a password of more than 14 characters or outside ASCII has no LM hash', async t => {
  t.equal(lmowfv1('0123456789abcde'), undefined)
  t.equal(lmowfv1('pässword'), undefined)
})

t.test('NTOWFv1 gives the known hashes', async t => {
  for (const { password_text, out } of vectors.ntowfv1) {
    t.equal(ntowfv1(password_text).toString('hex'), out, `of "${password_text}"`)
  }
})

t.test('NTOWFv2 gives the known hashes', async t => {
  for (const { user_text, domain_text, password_text, nt_hash, out } of vectors.ntowfv2) {
    const ntHash = nt_hash === undefined ? ntowfv1(password_text ?? '') : hex(nt_hash)
    const name = `${domain_text}\\${user_text}`
    t.equal(ntowfv2(ntHash, user_text, domain_text).toString('hex'), out, name)
  }
})

t.test('NTOWFv2 ignores the case of the user and minds that of the domain', async t => {
  const ntHash = ntowfv1('Password')
  t.same(ntowfv2(ntHash, 'ALICE', 'Corp'), ntowfv2(ntHash, 'alice', 'Corp'))
  t.notSame(ntowfv2(ntHash, 'alice', 'CORP'), ntowfv2(ntHash, 'alice', 'Corp'))
})

t.test('the hashes that cntlm prints follow from the password', async t => {
  for (const entry of vectors.cntlm_hashes) {
    const { user_text, domain_text, password_text, password_bytes, inverted } = entry
    const password =
      password_bytes === undefined ? password_text : hex(password_bytes).toString('latin1')
    const shown = (hash: Buffer): string =>
      Buffer.from(hash.map(byte => (inverted ? byte ^ 0xff : byte))).toString('hex')
    const ntHash = ntowfv1(password)
    t.equal(shown(ntHash), entry.PassNT)
    t.equal(shown(passNtlmV2(ntHash, user_text, domain_text)), entry.PassNTLMv2)
    const lmHash = lmowfv1(password)
    if (lmHash !== undefined) t.equal(shown(lmHash), entry.PassLM)
  }
})

t.test('figures found in the wild that are not NTLM do not come out', async t => {
  for (const { user_text, domain_text, password_text, published } of vectors.rejected) {
    const ntHash = ntowfv1(password_text)
    const inverse = hex(published).map(byte => byte ^ 0xff)
    for (const hash of [ntowfv2, passNtlmV2].map(f => f(ntHash, user_text, domain_text))) {
      t.not(hash.toString('hex'), published)
      t.notSame(hash, Buffer.from(inverse))
    }
  }
})

t.test('the upper-case table is the one of Windows 8, unit by unit', async t => {
  const table = vectors.upcase_tables.find(({ id }) => id === 'win8')
  const upper = Buffer.from(allUnits.map(upcase).join(''), 'utf16le')
  t.equal(md5(upper).toString('hex'), table?.md5_of_65536_u16le)
})

t.test('names are upper-cased unit by unit', async t => {
  for (const { in_text, out_utf16le } of vectors.upcase) {
    t.equal(Buffer.from(upcase(in_text), 'utf16le').toString('hex'), out_utf16le, in_text)
  }
  t.equal(upcaseAscii('straße-21 é'), 'STRAßE-21 é')
})

t.test('the locale of the process changes no upper case', async t => {
  const door = new URL('../../../src/ntlm/upcase.ts', import.meta.url).href
  const script = `import(${JSON.stringify(door)}).then(m => process.stdout.write(m.upcase('istanbul ı')))`
  const { execArgv } = process
  const output = execFileSync(process.execPath, [...execArgv, '-e', script], {
    env: { ...process.env, LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8' },
    encoding: 'utf8',
  })
  t.equal(output, 'ISTANBUL ı')
})

t.test('the units on which Windows XP and Samba differ are known to be ambiguous', async t => {
  const runs = vectors.upcase_tables.find(({ id }) => id === 'xp')?.runs ?? []
  const xp = new Map<string, string>()
  for (const [first, last, step, delta] of runs) {
    for (let unit = first; unit <= last; unit += step) {
      xp.set(String.fromCharCode(unit), String.fromCharCode(unit + delta))
    }
  }
  t.ok(xp.size > 600, 'the table is there')
  const different = allUnits.filter(unit => upcase(unit) !== (xp.get(unit) ?? unit))
  t.same(allUnits.filter(isCaseAmbiguous), different)
  for (const name of ['γιώργος', 'șerban']) t.equal(isCaseAmbiguous(name), true, name)
  for (const name of ['alice', 'groß', 'федя', '']) t.equal(isCaseAmbiguous(name), false, name)
})
