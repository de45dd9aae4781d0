import { ADDRESS_HELPERS } from './helpers-address.ts'
import { GLOB_HELPERS } from './helpers-glob.ts'
import { TIME_HELPERS } from './helpers-time.ts'

/**
 * Sandbox source: a function that takes the three callbacks out of the sandbox and defines the functions that a PAC
 * script may call. Names, arguments and results are those of browsers, and those of Windows for the Ex variants, which
 * also support IPv6. The callbacks take and return strings: `ask(name)` and `tellLocal()` return addresses joined by
 * semicolons.
 */
export const HELPERS = String.raw`(function (ask, tellLocal, say) {
  'use strict'
  const listOf = text => (text === '' ? [] : text.split(';'))
  const lookup = name => listOf(ask(name))
  const localAddresses = () => listOf(tellLocal())
  ${ADDRESS_HELPERS}
  ${TIME_HELPERS}
  ${GLOB_HELPERS}

  function isPlainHostName(host) {
    return !/[.:]/.test(host)
  }

  function dnsDomainIs(host, domain) {
    return String(host).endsWith(domain)
  }

  function dnsDomainLevels(host) {
    return String(host).split('.').length - 1
  }

  function localHostOrDomainIs(host, hostDomain) {
    return host === hostDomain || String(hostDomain).startsWith(host + '.')
  }

  function getClientVersion() {
    return '1.0'
  }

  function alert(...values) {
    say(values.map(String).join(' '))
  }

  Object.assign(globalThis, {
    alert,
    dateRange,
    dnsDomainIs,
    dnsDomainLevels,
    dnsResolve,
    dnsResolveEx,
    getClientVersion,
    isInNet,
    isInNetEx,
    isPlainHostName,
    isResolvable,
    isResolvableEx,
    localHostOrDomainIs,
    myIpAddress,
    myIpAddressEx,
    shExpMatch,
    sortIpAddressList,
    timeRange,
    weekdayRange,
  })
})`
