/** Lines of a file that differ, `-` for the old and `+` for the new ones, each group under `@@ line N`. */
export function diffLines(before: string, after: string): string[] {
  const [old, fresh] = [linesOf(before), linesOf(after)]
  const lengths = commonLengths(old, fresh)
  const lengthAt = (i: number, j: number): number => lengths[i]?.[j] ?? -1
  const result: string[] = []
  let [i, j, isInGroup] = [0, 0, false]
  while (i < old.length || j < fresh.length) {
    const [gone, come] = [old[i], fresh[j]]
    if (gone === come) {
      isInGroup = false
      i++
      j++
      continue
    }
    if (!isInGroup) result.push(`@@ line ${j + 1}`)
    isInGroup = true
    const isRemoval = gone !== undefined && lengthAt(i + 1, j) >= lengthAt(i, j + 1)
    result.push(mask(isRemoval ? `-${gone}` : `+${come ?? ''}`))
    if (isRemoval) i++
    else j++
  }
  return result
}

function linesOf(text: string): string[] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines
}

/** Entry [i][j] is how many lines of the tails from i and j can be kept. */
function commonLengths(old: readonly string[], fresh: readonly string[]): Uint32Array[] {
  const table = Array.from({ length: old.length + 1 }, () => new Uint32Array(fresh.length + 1))
  for (let i = old.length - 1; i >= 0; i--) {
    const [row, below] = [table[i], table[i + 1]]
    for (let j = fresh.length - 1; row !== undefined && j >= 0; j--) {
      const longest = Math.max(below?.[j] ?? 0, row[j + 1] ?? 0)
      row[j] = old[i] === fresh[j] ? (below?.[j + 1] ?? 0) + 1 : longest
    }
  }
  return table
}

/** A file on one line shows all that is in it: logins of registries, tokens of runners, passwords in addresses. */
function mask(line: string): string {
  return line
    .replace(/:\/\/[^/@\s"']*@/g, '://[secret]@')
    .replace(
      /((?:auth|token|password|passwd|secret)\w*["']?\s*[:=]\s*)(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s,}]+)/gi,
      '$1[secret]',
    )
}
