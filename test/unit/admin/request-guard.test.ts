import t from 'tap'
import { type AdminRequest, refusalOf } from '../../../src/admin/request-guard.ts'

const asked = (changes: Partial<AdminRequest>): AdminRequest => ({
  method: 'GET',
  host: '127.0.0.1:9911',
  fetchSite: undefined,
  localAddress: '127.0.0.1',
  ...changes,
})

t.test('a request that names this host is answered', async t => {
  for (const host of [
    '127.0.0.1',
    '127.0.0.9:1',
    'localhost',
    'LOCALHOST:9911',
    'a.localhost',
    '[::1]:9911',
  ])
    t.equal(refusalOf(asked({ host }), []), undefined, host)
  t.equal(refusalOf(asked({ host: '10.1.2.3:9911', localAddress: '10.1.2.3' }), []), undefined)
  t.equal(refusalOf(asked({ host: '10.1.2.3', localAddress: '::ffff:10.1.2.3' }), []), undefined)
  t.equal(refusalOf(asked({ host: 'build7:9911' }), ['build7']), undefined)
  t.equal(refusalOf(asked({ host: 'localhost', localAddress: undefined }), []), undefined)
})

t.test('a name that a web page lets point here is refused', async t => {
  for (const host of [
    undefined,
    '',
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.1.2.3',
    'a b',
    'evil.example:9911@127.0.0.1',
  ])
    t.equal(refusalOf(asked({ host }), [])?.status, 421, host ?? 'absent')
})

t.test('what another site asks for is refused, also one on another port of this host', async t => {
  for (const fetchSite of ['cross-site', 'same-site', 'none, cross-site', ''])
    t.equal(refusalOf(asked({ fetchSite }), [])?.status, 403, fetchSite)
  for (const fetchSite of ['same-origin', 'none'])
    t.equal(refusalOf(asked({ fetchSite }), []), undefined, fetchSite)
})

t.test('there is nothing but GET and HEAD', async t => {
  t.equal(refusalOf(asked({ method: 'HEAD' }), []), undefined)
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', undefined])
    t.equal(refusalOf(asked({ method }), [])?.status, 405, String(method))
})
