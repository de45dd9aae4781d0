/**
 * Sandbox source: shExpMatch. A pattern is split at its stars into pieces of fixed length, which are searched for from
 * left to right, so no pattern is slow on a long URL. `(a|b)` is not part of the original shell patterns, but works in
 * browsers and is in use.
 */
export const GLOB_HELPERS = String.raw`
  const MAX_ALTERNATIVES = 64
  const MAX_PATTERNS = 5000
  const patterns = new Map()

  function alternativesOf(pattern) {
    const open = [pattern]
    const done = []
    while (open.length > 0) {
      const each = open.pop()
      const group = /\(([^()|]*(?:\|[^()|]*)+)\)/.exec(each)
      if (group === null || open.length + done.length >= MAX_ALTERNATIVES) {
        done.push(each)
        continue
      }
      const rest = each.slice(group.index + group[0].length)
      for (const choice of group[1].split('|')) open.push(each.slice(0, group.index) + choice + rest)
    }
    return done
  }

  // The pieces between the stars, each as source of a regular expression without repetition.
  function piecesOf(pattern) {
    const pieces = [{ size: 0, source: '' }]
    for (let at = 0; at < pattern.length; ) {
      const piece = pieces.at(-1)
      const char = pattern[at]
      const set = char === '[' ? /^\[([!^]?)(\][^\]]*|[^\]]+)\]/.exec(pattern.slice(at)) : null
      at += set === null ? 1 : set[0].length
      if (char === '*') {
        pieces.push({ size: 0, source: '' })
        continue
      }
      piece.size++
      if (set !== null) piece.source += '[' + (set[1] && '^') + set[2].replace(/[\\\]\[^]/g, '\\$&') + ']'
      else if (char === '?') piece.source += '[^]'
      else piece.source += char.replace(/[^A-Za-z0-9]/, '\\$&')
    }
    return pieces
  }

  function compileGlob(pattern) {
    const [first, ...others] = piecesOf(pattern)
    const last = others.pop()
    const head = new RegExp('^' + first.source)
    if (last === undefined) return text => text.length === first.size && head.test(text)
    const tail = new RegExp('^' + last.source)
    const middle = others.map(({ source, size }) => ({ size, search: new RegExp(source, 'g') }))
    return text => {
      const end = text.length - last.size
      if (end < first.size || !head.test(text) || !tail.test(text.slice(end))) return false
      const body = text.slice(0, end)
      let at = first.size
      return middle.every(({ search, size }) => {
        search.lastIndex = at
        const found = search.exec(body)
        if (found !== null) at = found.index + size
        return found !== null
      })
    }
  }

  function compilePattern(pattern) {
    try {
      return alternativesOf(pattern).map(compileGlob)
    } catch {
      // A set like [z-a].
      return []
    }
  }

  function shExpMatch(text, pattern) {
    const key = String(pattern)
    let globs = patterns.get(key)
    if (globs === undefined) {
      if (patterns.size >= MAX_PATTERNS) patterns.clear()
      globs = compilePattern(key)
      patterns.set(key, globs)
    }
    const subject = String(text)
    return globs.some(matches => matches(subject))
  }
`
