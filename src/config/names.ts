const SECRET_NAMES = ['Password', 'PassNTLMv2', 'PassNT', 'PassLM', 'SOCKS5User', 'SOCKS5Users']

/** Names that begin like those of secrets, and whose values may be shown. */
const OPEN_NAMES = ['PasswordFile']

/**
 * A keyword as it may stand in a message. The lexer needs no space behind a keyword, so an unknown keyword that starts like
 * a secret directive (`Passwordhunter2`) may end with the secret.
 */
export function printableName(name: string): string {
  const lower = name.toLowerCase()
  const starts = SECRET_NAMES.find(secret => lower.startsWith(secret.toLowerCase()))
  if (starts === undefined) return name
  return isSecretName(name) || hasName(OPEN_NAMES, name) ? name : `${starts}...`
}

/** Whether the value of the directive must never be shown. */
export function isSecretName(name: string): boolean {
  return hasName(SECRET_NAMES, name)
}

function hasName(names: readonly string[], name: string): boolean {
  return names.some(each => each.toLowerCase() === name.toLowerCase())
}

/** The known name that was probably meant, ignoring case, or undefined when none is near. */
export function suggestName(name: string, known: readonly string[]): string | undefined {
  const wanted = name.toLowerCase()
  const limit = Math.min(3, Math.max(1, Math.floor(wanted.length / 3)))
  let best: string | undefined
  let bestDistance = limit + 1
  for (const candidate of known) {
    if (Math.abs(candidate.length - wanted.length) > limit) continue
    const distance = editDistance(wanted, candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Levenshtein's distance where two neighbours that changed places count as one edit. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const cost = from[i - 1] === to[j - 1] ? 0 : 1
      const edits = [at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + cost]
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
      if (swapped) edits.push(at(beforeLast, j - 2) + 1)
      row.push(Math.min(...edits))
    }
    beforeLast = last
    last = row
  }
  return at(last, to.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity
}
