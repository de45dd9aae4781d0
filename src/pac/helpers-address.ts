/**
 * Sandbox source: parsing of addresses, and the helpers that compare them. Expects `lookup(name)` and
 * `localAddresses()`, which return lists.
 */
export const ADDRESS_HELPERS = String.raw`
  function parseV4(text) {
    const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)
    const bytes = match === null ? [256] : match.slice(1).map(Number)
    return bytes.every(byte => byte < 256) ? bytes : null
  }

  // RFC 4291 section 2.2, with the last 32 bits in either notation.
  function parseV6(text) {
    const tail = /^(.*:)([^:]*\..*)$/.exec(text)
    if (tail !== null) {
      const low = parseV4(tail[2])
      if (low === null) return null
      const group = at => (low[at] * 256 + low[at + 1]).toString(16)
      text = tail[1] + group(0) + ':' + group(2)
    }
    const sides = text.split('::').map(side => (side === '' ? [] : side.split(':')))
    const missing = 8 - sides.flat().length
    if (sides.length > 2 || (sides.length === 2 ? missing < 1 : missing !== 0)) return null
    const groups = sides.length === 2 ? [...sides[0], ...Array(missing).fill('0'), ...sides[1]] : sides[0]
    if (!groups.every(each => /^[0-9a-f]{1,4}$/i.test(each))) return null
    return groups.map(each => parseInt(each, 16)).flatMap(each => [each >> 8, each & 255])
  }

  // Large scripts compare with the same hundreds of networks at each call.
  const MAX_PARSED = 2000
  const parsed = new Map()

  function parseAddress(text) {
    const found = parsed.get(text)
    if (found !== undefined) return found
    const bytes = parseV4(text) ?? parseV6(text)
    if (parsed.size >= MAX_PARSED) parsed.clear()
    parsed.set(text, bytes)
    return bytes
  }

  function isV4(text) {
    return parseAddress(text)?.length === 4
  }

  function addressesOf(host) {
    const text = String(host)
    return parseAddress(text) === null ? lookup(text) : [text]
  }

  function compareNumbers(a, b) {
    const at = a.findIndex((each, i) => each !== b[i])
    return at < 0 ? 0 : a[at] - b[at]
  }

  function dnsResolve(host) {
    return addressesOf(host).find(isV4) ?? null
  }

  function dnsResolveEx(host) {
    return addressesOf(host).join(';')
  }

  function isResolvable(host) {
    return dnsResolve(host) !== null
  }

  function isResolvableEx(host) {
    return addressesOf(host).length > 0
  }

  function isInNet(host, pattern, mask) {
    if (!isV4(String(pattern)) || !isV4(String(mask))) return false
    const net = parseAddress(String(pattern))
    const bits = parseAddress(String(mask))
    const address = dnsResolve(host)
    return (
      address !== null &&
      parseAddress(address).every((byte, i) => (byte & bits[i]) === (net[i] & bits[i]))
    )
  }

  function isInNetEx(host, prefix) {
    const [base, length, ...more] = String(prefix).split('/')
    const net = parseAddress(base)
    const bits = Number(length)
    if (net === null || more.length > 0 || !/^\d+$/.test(length) || bits > net.length * 8) return false
    const inNet = address =>
      address.length === net.length &&
      address.every((byte, i) => {
        const shift = 8 - Math.min(8, Math.max(0, bits - i * 8))
        return byte >> shift === net[i] >> shift
      })
    return addressesOf(host).some(each => inNet(parseAddress(each)))
  }

  function myIpAddress() {
    return localAddresses().find(isV4) ?? '127.0.0.1'
  }

  function myIpAddressEx() {
    return localAddresses().join(';')
  }

  // IPv6 before IPv4, each in ascending order; false for a list with anything else in it, as in browsers.
  function sortIpAddressList(list) {
    const entries = String(list)
      .split(';')
      .map(each => each.trim())
      .map(text => ({ text, bytes: parseAddress(text) }))
    if (entries.some(({ bytes }) => bytes === null)) return false
    entries.sort((a, b) => b.bytes.length - a.bytes.length || compareNumbers(a.bytes, b.bytes))
    return entries.map(({ text }) => text).join(';')
  }
`
