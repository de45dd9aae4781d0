/**
 * Matches text against a POSIX shell pattern (`*`, `?`, `[a-z]`, `[!a-z]`, `\x`), case-insensitively and anchored,
 * in time linear in the product of both lengths: no regular expression, so no pattern can make it backtrack for long.
 */
export function matchWildcard(pattern: string, text: string): boolean {
  const tokens = tokenize(pattern.toLowerCase())
  const subject = text.toLowerCase()
  let at = 0
  let token = 0
  let star = -1
  let retryAt = 0
  while (at < subject.length) {
    const current = tokens[token]
    if (current === '*') {
      star = token++
      retryAt = at
    } else if (current !== undefined && current(subject.charCodeAt(at))) {
      token++
      at++
    } else if (star >= 0) {
      token = star + 1
      at = ++retryAt
    } else {
      return false
    }
  }
  while (tokens[token] === '*') token++
  return token === tokens.length
}

type Token = '*' | ((unit: number) => boolean)

function tokenize(pattern: string): Token[] {
  const tokens: Token[] = []
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern.charAt(i)
    if (char === '*') {
      tokens.push('*')
    } else if (char === '?') {
      tokens.push(() => true)
    } else if (char === '[') {
      const close = pattern.indexOf(']', i + 2)
      if (close < 0) {
        tokens.push(literal(char))
      } else {
        tokens.push(bracket(pattern.slice(i + 1, close)))
        i = close
      }
    } else {
      tokens.push(literal(char === '\\' && i + 1 < pattern.length ? pattern.charAt(++i) : char))
    }
  }
  return tokens
}

function literal(char: string): Token {
  const wanted = char.charCodeAt(0)
  return unit => unit === wanted
}

function bracket(body: string): Token {
  const negated = body.startsWith('!') || body.startsWith('^')
  const set = negated ? body.slice(1) : body
  return unit => inSet(set, unit) !== negated
}

function inSet(set: string, unit: number): boolean {
  for (let i = 0; i < set.length; i++) {
    const first = set.charCodeAt(i)
    if (set.charAt(i + 1) === '-' && i + 2 < set.length) {
      if (unit >= first && unit <= set.charCodeAt(i + 2)) return true
      i += 2
    } else if (unit === first) {
      return true
    }
  }
  return false
}
