import type { Clock } from '../../../src/core/index.ts'
import type { GuardForecast } from '../../../src/policy/index.ts'
import type { Gate } from '../../../src/upstream/index.ts'
import { FarGate, GateLine } from '../../../src/workers/far-gate.ts'
import { GateDesk } from '../../../src/workers/gate-desk.ts'
import type { GateAnswer, GateQuestion } from '../../../src/workers/messages.ts'

export interface LinkedGate {
  readonly gate: FarGate
  readonly desk: GateDesk
  /** What the worker sent. */
  readonly asked: GateQuestion[]
}

type Deliver = (message: () => void) => void

/** A worker's gate, linked to a guard as processes are: by JSON, in order, and `deliver` says when. */
export function linkGate(
  near: Gate,
  clock: Clock,
  { deliver = setImmediate, forecast }: { deliver?: Deliver; forecast?: GuardForecast } = {},
): LinkedGate {
  const asked: GateQuestion[] = []
  const line = new GateLine(clock, question => {
    asked.push(question)
    const wire = JSON.stringify(question)
    deliver(() => desk.receive(JSON.parse(wire) as GateQuestion))
  })
  const desk: GateDesk = new GateDesk({
    gateOf: () => near,
    answer: answer => {
      const wire = JSON.stringify(answer)
      deliver(() => line.receive(JSON.parse(wire) as GateAnswer))
    },
  })
  return { gate: new FarGate(line, { kind: 'own', serial: 1 }, forecast), desk, asked }
}
