import { formatHostPort } from '../core/index.ts'
import { askListener, HTTP_QUESTION, type ListenerAnswer, portsToAsk } from './ask-listener.ts'
import { type Check, only } from './check.ts'
import { NO_CONFIGURATION } from './configuration.ts'
import { type Judgement, note, ok, problem, skipped } from './finding.ts'

export const LISTENER: Check = {
  layer: 'listener',
  async run({ config }, { clock, dialer }) {
    if (config === undefined) return only(skipped(NO_CONFIGURATION))
    const ports = portsToAsk(config)
    if (ports.length === 0)
      return only(skipped('there is neither Listen nor SOCKS5Proxy, nothing else can be asked'))
    const answers = await Promise.all(ports.map(async port => askListener(dialer, clock, port)))
    const first = ports.find(
      ({ question }, i) => question === HTTP_QUESTION && answers[i]?.kind === 'answers',
    )
    return {
      judgements: ports.flatMap(({ address }, i) => {
        const answer = answers[i]
        return answer === undefined ? [] : [judgeAnswer(formatHostPort(address), answer)]
      }),
      learned: first === undefined ? {} : { answering: first.address },
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
