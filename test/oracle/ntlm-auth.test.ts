import t, { type Test } from 'tap'

import { Secret, systemClock, systemEntropy } from '../../src/core/index.ts'
import { parseAuthenticate } from '../../src/ntlm/authenticate-message.ts'
import { AvId, findAvPair } from '../../src/ntlm/av-pairs.ts'
import { parseChallenge } from '../../src/ntlm/challenge-message.ts'
import {
  credentialsFromHashes,
  credentialsFromPassword,
  type Dialect,
  type NtlmCredentials,
} from '../../src/ntlm/credentials.ts'
import { type InitiatorOptions, NtlmInitiator } from '../../src/ntlm/initiator.ts'
import { ntowfv1, passNtlmV2 } from '../../src/ntlm/one-way-functions.ts'
import { sambaAvailable, SambaServer } from '../harness/samba.ts'

const PASSWORD = 'S3cret!pass'
const skip = sambaAvailable() ? {} : { skip: 'ntlm_auth is not installed (package winbind)' }

function withSamba(t: Test, password = PASSWORD, settings: readonly string[] = []): SambaServer {
  const samba = new SambaServer({ password, settings })
  t.teardown(() => samba.close())
  return samba
}

function credentials(
  dialect: Dialect = 'NTLMv2',
  { user = 'alice', domain = 'CORP', password = PASSWORD } = {},
): NtlmCredentials {
  const secret = new Secret(password)
  return credentialsFromPassword({ user, domain, workstation: 'PC1', password: secret, dialect })
}

interface Handshake {
  readonly challenge: Buffer
  readonly answer: Buffer
}

async function shakeHands(
  samba: SambaServer,
  account: NtlmCredentials,
  options: Partial<InitiatorOptions> = {},
): Promise<Handshake> {
  const initiator = new NtlmInitiator(account, {
    entropy: systemEntropy,
    clock: systemClock,
    targetName: 'HTTP/proxy01.corp.example',
    ...options,
  })
  const challenge = await samba.challenge(initiator.negotiate())
  return { challenge, answer: initiator.authenticate(challenge) }
}

async function logOn(
  samba: SambaServer,
  account: NtlmCredentials,
  options: Partial<InitiatorOptions> = {},
): Promise<string> {
  const { answer } = await shakeHands(samba, account, options)
  return samba.verdict(answer)
}

t.test('Samba', skip, async t => {
  await t.test('accepts every dialect', async t => {
    const samba = withSamba(t)
    for (const dialect of ['NTLMv2', 'NTLM2SR', 'NTLM', 'NT', 'LM'] as const) {
      t.equal(await logOn(samba, credentials(dialect)), 'AF CORP\\alice', dialect)
    }
  })

  await t.test('checks our MIC and refuses one that is changed', async t => {
    const samba = withSamba(t)
    const { challenge, answer } = await shakeHands(samba, credentials())
    const { avPairs = [] } = parseChallenge(challenge)
    t.ok(findAvPair(avPairs, AvId.MsvAvTimestamp), 'the challenge asks for a MIC')
    t.equal(await samba.verdict(answer), 'AF CORP\\alice')
    const second = await shakeHands(samba, credentials())
    second.answer.writeUInt8(second.answer.readUInt8(72) ^ 1, 72)
    t.equal(await samba.verdict(second.answer), 'NA NT_STATUS_INVALID_PARAMETER')
  })

  await t.test('accepts the answer without a MIC when it sends no timestamp', async t => {
    const samba = withSamba(t, PASSWORD, ['ntlmssp_server:force_old_spnego=yes'])
    const { challenge, answer } = await shakeHands(samba, credentials())
    const { avPairs = [] } = parseChallenge(challenge)
    t.equal(findAvPair(avPairs, AvId.MsvAvTimestamp), undefined)
    t.same(parseAuthenticate(answer).mic, Buffer.alloc(16))
    t.equal(await samba.verdict(answer), 'AF CORP\\alice')
  })

  await t.test('accepts the names that people have', async t => {
    const samba = withSamba(t)
    const cases = [
      [{ user: 'alice@corp.example', domain: '' }, 'AF \\alice@corp.example'],
      [{ domain: '' }, 'AF \\alice'],
      [{ domain: 'Corp' }, 'AF Corp\\alice'],
      [{ user: 'федя' }, 'AF CORP\\федя'],
      [{ user: 'groß' }, 'AF CORP\\groß'],
      [{ user: 'jürgen' }, 'AF CORP\\jürgen'],
    ] as const
    for (const [account, verdict] of cases) {
      t.equal(await logOn(samba, credentials('NTLMv2', account)), verdict)
    }
  })

  await t.test('refuses a wrong password', async t => {
    const samba = withSamba(t)
    for (const dialect of ['NTLMv2', 'NTLM2SR', 'NTLM', 'NT', 'LM'] as const) {
      const verdict = await logOn(samba, credentials(dialect, { password: 'wrong' }))
      t.match(verdict, /^NA NT_STATUS_(LOGON_FAILURE|WRONG_PASSWORD)/, dialect)
    }
  })

  await t.test('accepts empty and non-ASCII passwords', async t => {
    for (const password of ['', 'пароль', 'pässword€', '\u{1f511} key']) {
      const samba = withSamba(t, password)
      t.equal(await logOn(samba, credentials('NTLMv2', { password })), 'AF CORP\\alice')
    }
  })

  await t.test('accepts what comes from the hashes of a cntlm.conf', async t => {
    const samba = withSamba(t)
    const ntHash = ntowfv1(PASSWORD)
    const stored = { passNt: new Secret(ntHash) }
    const storedV2 = { passNtlmV2: new Secret(passNtlmV2(ntHash, 'alice', 'Corp')) }
    const names = { user: 'alice', domain: 'Corp', workstation: 'PC1', encoding: 'plain' } as const
    const cases = [
      [{ dialect: 'NTLMv2', ...stored }, 'AF Corp\\alice'],
      [{ dialect: 'NTLMv2', ...storedV2 }, 'AF CORP\\alice'],
      [{ dialect: 'NTLM2SR', ...stored }, 'AF Corp\\alice'],
    ] as const
    for (const [input, verdict] of cases) {
      const { credentials } = credentialsFromHashes({ ...names, ...input })
      t.equal(await logOn(samba, credentials), verdict)
    }
  })

  await t.test('accepts a key exchange, and the flags that cntlm sends', async t => {
    const samba = withSamba(t)
    const keyExchange = { negotiateFlags: 0xe2088217 }
    const { answer } = await shakeHands(samba, credentials(), keyExchange)
    t.equal(parseAuthenticate(answer).encryptedSessionKey.length, 16)
    t.equal(await samba.verdict(answer), 'AF CORP\\alice')
    const cases = [
      ['NTLMv2', 0xa208b205],
      ['NTLM2SR', 0xa208b207],
      ['NTLM', 0xb207],
      ['NT', 0xb205],
      ['LM', 0xb206],
    ] as const
    for (const [dialect, negotiateFlags] of cases) {
      t.equal(
        await logOn(samba, credentials(dialect), { negotiateFlags }),
        'AF CORP\\alice',
        dialect,
      )
    }
  })
})
