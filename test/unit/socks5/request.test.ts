import t from 'tap'
import { readRequest } from '../../../src/socks5/request.ts'
import { connectTo, hex } from './clients.ts'

function targetOf(bytes: Buffer): unknown {
  const outcome = readRequest(bytes)
  return outcome?.kind === 'target' ? outcome.target : outcome
}

function replyTo(bytes: Buffer): string | undefined {
  const outcome = readRequest(bytes)
  return outcome?.kind === 'failed' ? outcome.reply.toString('hex') : outcome?.kind
}

t.test('all three address types lead to a target', async t => {
  const v6 = (address: string): Buffer => hex(`05 01 00 04 ${address} 01 bb`)
  const label = 'a'.repeat(62)
  const longest = `${label}.${label}.${label}.${label}.abc`
  const cases: [name: string, bytes: Buffer, host: string, port: number][] = [
    ['IPv4', hex('05 01 00 01 00 00 00 00 00 01'), '0.0.0.0', 1],
    ['IPv4 with high octets', hex('05 01 00 01 ff fe 80 7f ff ff'), '255.254.128.127', 65535],
    ['::', v6('00'.repeat(16)), '::', 443],
    ['::1', v6(`${'00'.repeat(15)}01`), '::1', 443],
    ['the first of two gaps', v6('20010db8 00000000 00010000 00000001'), '2001:db8::1:0:0:1', 443],
    ['the longest gap', v6('20010000 00010000 00000000 00000001'), '2001:0:1::1', 443],
    ['no gap', v6('20010db8 00010002 00030004 00050006'), '2001:db8:1:2:3:4:5:6', 443],
    ['IPv4-mapped', v6(`${'00'.repeat(10)}ffff 0a000001`), '10.0.0.1', 443],
    ['a name', connectTo('www.example.com', 443), 'www.example.com', 443],
    ['a name in upper case', connectTo('WWW.Example.COM', 80), 'www.example.com', 80],
    ['a name of one letter', connectTo('a', 80), 'a', 80],
    ['a name of 255 octets', connectTo(longest, 80), longest, 80],
    ['an IPv4 address as name', connectTo('192.0.2.1', 80), '192.0.2.1', 80],
    ['an IPv6 address as name', connectTo('2001:DB8::1', 80), '2001:db8::1', 80],
    ['an IPv6 address in brackets as name', connectTo('[::1]', 80), '::1', 80],
  ]
  for (const [name, bytes, host, port] of cases) t.same(targetOf(bytes), { host, port }, name)
  t.equal(longest.length, 255)
})

t.test('the reserved octet is not looked at', async t => {
  t.same(targetOf(hex('05 01 ff 01 c0 00 02 01 00 50')), { host: '192.0.2.1', port: 80 })
})

t.test('what cannot be done is refused with the reply code for it', async t => {
  const reply = (code: string): string => `05${code}0001000000000000`
  const address = '01 c0 00 02 01 00 50'
  const cases: [name: string, bytes: Buffer, code: string][] = [
    ['BIND', hex(`05 02 00 ${address}`), '07'],
    ['UDP ASSOCIATE', hex(`05 03 00 ${address}`), '07'],
    ['an unknown command', hex(`05 f0 00 ${address}`), '07'],
    ['address type 2', hex('05 01 00 02 c0 00 02 01 00 50'), '08'],
    ['address type 0', hex('05 01 00 00'), '08'],
    ['another version', hex(`04 01 00 ${address}`), '01'],
    ['port 0', hex('05 01 00 01 c0 00 02 01 00 00'), '01'],
    ['port 0 of a name', connectTo('a', 0), '01'],
    ['an empty name', connectTo('', 80), '01'],
    ['a name with a port', connectTo('a:80', 80), '01'],
    ['a name with a line break', connectTo('a\r\nX: y', 80), '01'],
    ['a name with a space', connectTo('a b', 80), '01'],
    ['a name with a NUL', connectTo('a\0', 80), '01'],
    ['a name with user information', connectTo('u@a', 80), '01'],
    ['a name in UTF-8', connectTo('bücher.example', 80), '01'],
    ['the Kelvin sign, whose lower case is k', connectTo('\u212a.example', 80), '01'],
  ]
  for (const [name, bytes, code] of cases) t.equal(replyTo(bytes), reply(code), name)
})
