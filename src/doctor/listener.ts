import { formatHostPort } from '../core/index.ts'
import { askListener, HTTP_QUESTION, type ListenerAnswer, portsToAsk } from './ask-listener.ts'
import { type Check, only } from './check.ts'
import { NO_CONFIGURATION } from './configuration.ts'
import { type Judgement, note, ok, problem, skipped } from './finding.ts'

export const LISTENER: Check = {
  layer: 'listener',
  async run({ absent = [], config }, { clock, dialer }) {
    if (config === undefined) return only(skipped(NO_CONFIGURATION))
    const ports = portsToAsk(config)
    if (ports.length === 0)
      return only(skipped('there is neither Listen nor SOCKS5Proxy, nothing else can be asked'))
    const asked = await Promise.all(
      ports.map(async ({ address, question }) => {
        const label = formatHostPort(address)
        if (absent.includes(address.host))
          return { address, kind: 'absent', judgement: skipped(`${label}: no interface has it`) }
        const answer = await askListener(dialer, clock, { address, question })
        const kind = question === HTTP_QUESTION ? answer.kind : 'other'
        return { address, kind, judgement: judgeAnswer(label, answer) }
      }),
    )
    const first = asked.find(({ kind }) => kind === 'answers')
    return {
      judgements: asked.map(({ judgement }) => judgement),
      learned: {
        isServing: asked.some(({ judgement: { verdict } }) => ['ok', 'note'].includes(verdict)),
        ...(first === undefined ? {} : { answering: first.address }),
      },
    }
  },
}

export function judgeAnswer(label: string, answer: ListenerAnswer): Judgement {
  switch (answer.kind) {
    case 'answers':
      return ok(`${label} answers`)
    case 'denied':
      return note(`${label} answers, but Allow and Deny keep this host itself out`)
    case 'unreachable':
      return problem(
        answer.text,
        'start tsntlm (systemctl start tsntlm), or see why it stopped: journalctl -u tsntlm',
      )
    case 'foreign':
      return problem(answer.text, 'see which program it is: ss -ltnp; stop it or change Listen')
    case 'silent':
      return problem(answer.text, 'see whether it is tsntlm (ss -ltnp), and restart it')
  }
}
