import type { Finding, Verdict } from './finding.ts'

const VERDICTS: readonly Verdict[] = ['ok', 'note', 'problem', 'skipped']
const LAYER_WIDTH = 14

/** One line, and an indented one for each thing to do. */
export function describeFinding({ layer, verdict, text, advice }: Finding): string[] {
  const line = `${verdict.padEnd(8)} ${layer.padEnd(LAYER_WIDTH)} ${text}`
  return [line, ...advice.map(step => `${' '.repeat(9)}-> ${step}`)].map(oneLine)
}

/** What other programs and servers said may hold anything: no line may look like one of another finding. */
function oneLine(text: string): string {
  return text.replace(/[\0-\x1f\x7f-\x9f]+/g, ' ').trimEnd()
}

export function countVerdicts(findings: readonly Finding[]): Record<Verdict, number> {
  const count = (verdict: Verdict): number =>
    findings.filter(finding => finding.verdict === verdict).length
  return {
    ok: count('ok'),
    note: count('note'),
    problem: count('problem'),
    skipped: count('skipped'),
  }
}

/** `3 ok, 1 note, 2 problem, 4 skipped` */
export function summarize(findings: readonly Finding[]): string {
  const counts = countVerdicts(findings)
  return VERDICTS.map(verdict => `${counts[verdict]} ${verdict}`).join(', ')
}

export function isBroken(findings: readonly Finding[]): boolean {
  return findings.some(({ verdict }) => verdict === 'problem')
}
