import t from 'tap'
import { isProxyError } from '../../../src/core/index.ts'
import { decodePac, PAC_SIZE_LIMIT } from '../../../src/pac/index.ts'

const SCRIPT = 'function FindProxyForURL() { return "PROXY köln:80" } // é'

function utf16be(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16()
}

t.test('the text comes out whatever the encoding', async t => {
  const utf8 = Buffer.from(SCRIPT)
  const latin1 = Buffer.from(SCRIPT, 'latin1')
  const cyrillic = Buffer.from("return 'DIRECT' // \xca\xcf", 'latin1')
  const pac = 'application/x-ns-proxy-autoconfig'
  const cases: [name: string, bytes: Buffer, contentType: string | undefined][] = [
    ['UTF-8', utf8, undefined],
    ['UTF-8 with mark', Buffer.concat([Buffer.from('efbbbf', 'hex'), utf8]), undefined],
    ['UTF-16LE with mark', Buffer.from(`\ufeff${SCRIPT}`, 'utf16le'), undefined],
    ['UTF-16BE with mark', utf16be(`\ufeff${SCRIPT}`), undefined],
    ['the mark beats the charset', Buffer.from(`\ufeff${SCRIPT}`), `${pac}; charset=iso-8859-1`],
    ['UTF-16LE by charset', Buffer.from(SCRIPT, 'utf16le'), `${pac}; charset=utf-16le`],
    ['Latin-1 by charset', latin1, `${pac}; CharSet="ISO-8859-1"`],
    ['Latin-1', latin1, pac],
    ['a wrong charset', latin1, `${pac}; charset=utf-8`],
    ['an unknown charset', utf8, `${pac}; charset=klingon`],
    ['an empty charset', utf8, `${pac}; charset=`],
  ]
  for (const [name, bytes, contentType] of cases) {
    t.equal(decodePac(bytes, contentType), SCRIPT, name)
  }
  t.equal(decodePac(cyrillic, 'text/plain;charset=koi8-r'), "return 'DIRECT' // йо")
})

t.test('what is no script is refused in words', async t => {
  const cases: [name: string, bytes: Uint8Array, detail: RegExp][] = [
    ['nothing', Buffer.alloc(0), /empty/],
    ['blanks', Buffer.from('\ufeff \r\n\t'), /empty/],
    ['a NUL', Buffer.from('var a = 1;\0'), /binary/],
    ['an image', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), /binary/],
    ['UTF-16 without mark', Buffer.from(SCRIPT, 'utf16le'), /binary/],
    ['too much', Buffer.alloc(PAC_SIZE_LIMIT + 1, 0x20), /1048577 bytes, more than 1048576/],
    ['2 MB', Buffer.alloc(2_000_000, 'x'), /2000000 bytes/],
    ['a web page', Buffer.from('\n<!DOCTYPE html><html>'), /web page/],
    ['XML', Buffer.from('<?xml version="1.0"?>'), /web page/],
  ]
  for (const [name, bytes, detail] of cases) {
    try {
      decodePac(bytes)
      t.fail(name)
    } catch (error) {
      t.ok(isProxyError(error) && error.code === 'PAC_SYNTAX', name)
      t.match(error, { detail }, name)
    }
  }
})

t.test('as much as is allowed, and a script that hides in an HTML comment, pass', async t => {
  t.equal(decodePac(Buffer.alloc(PAC_SIZE_LIMIT, 'x')).length, PAC_SIZE_LIMIT)
  t.equal(decodePac(Buffer.from('<!--\nvar a\n//-->')), '<!--\nvar a\n//-->')
})
