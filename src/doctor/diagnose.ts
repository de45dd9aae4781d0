import type { Check, Facts, Ports } from './check.ts'
import type { Finding } from './finding.ts'

/** Runs the checks in their order; what one has learned the later ones know. */
export async function diagnose(
  checks: readonly Check[],
  known: Facts,
  ports: Ports,
  onFinding: (finding: Finding) => void,
): Promise<Finding[]> {
  let facts = known
  const findings: Finding[] = []
  for (const { layer, run } of checks) {
    const { judgements, learned } = await run(facts, ports)
    facts = { ...facts, ...learned }
    for (const judgement of judgements) {
      const finding = { layer, ...judgement }
      findings.push(finding)
      onFinding(finding)
    }
  }
  return findings
}
