/** `note`: works, but somebody should know. `problem`: broken. `skipped`: nothing was found out. */
export type Verdict = 'ok' | 'note' | 'problem' | 'skipped'

/** One line of the report. */
export interface Finding {
  /** The name of the check. */
  readonly layer: string
  readonly verdict: Verdict
  /** Without passwords, also where it names a file's or a variable's content. */
  readonly text: string
  /** What to do, one step each. */
  readonly advice: readonly string[]
}

/** A finding before it is known whose it is. */
export type Judgement = Omit<Finding, 'layer'>

export function ok(text: string): Judgement {
  return { verdict: 'ok', text, advice: [] }
}

export function note(text: string, ...advice: readonly string[]): Judgement {
  return { verdict: 'note', text, advice }
}

export function problem(text: string, ...advice: readonly string[]): Judgement {
  return { verdict: 'problem', text, advice }
}

export function skipped(text: string): Judgement {
  return { verdict: 'skipped', text, advice: [] }
}
