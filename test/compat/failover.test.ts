import t from 'tap'
import { skipUnless } from '../harness/real/programs.ts'
import {
  basics,
  better,
  type Case,
  compare,
  type Configuration,
  type Place,
  same,
  type Side,
  startDuel,
} from './duel.ts'
import { ask, CLOSED, served, statusOf } from './normal.ts'

const GET = 'GET http://site.test/a HTTP/1.1\nHost: site.test'
const POST = 'POST http://site.test/a HTTP/1.1\nHost: site.test\nContent-Length: 3'
const CONNECT = 'CONNECT site.test:443 HTTP/1.1\nHost: site.test:443'

/** The account with these values of Proxy. */
const through =
  (...proxies: ((place: Place) => string)[]): Configuration =>
  place => [
    ...basics(place).filter(line => !line.startsWith('Proxy ')),
    ...proxies.map(proxy => `Proxy ${proxy(place)}`),
  ]

const FIRST = (place: Place): string => `127.0.0.1:${place.upstream}`
const SECOND = (place: Place): string => `127.0.0.1:${place.spare}`
const DEAD = (place: Place): string => `127.0.0.1:${place.dead}`

/** The answer, and how many requests the first and the second upstream have served. */
const asks =
  (head: string, body = '') =>
  async (side: Side) => {
    const answer = await ask(side, head, body)
    return [statusOf(answer), served(side).length, served(side, side.spare).length]
  }

const WHY = 'a client that gets an error can say what is wrong with which upstream'

const suites: readonly [name: string, configuration: Configuration, cases: readonly Case[]][] = [
  [
    'two upstreams',
    through(FIRST, SECOND),
    [
      same('the first one serves', asks(GET), ['200 OK', 1, 0]),
      better(
        'an upstream that takes connections and drops them is not passed over',
        'nothing was sent that could not be sent again',
        async side => {
          side.upstream.hangUp()
          side.upstream.script = async conn => conn.reset()
          return asks(GET)(side)
        },
        { cntlm: [CLOSED, 0, 0], tsntlm: ['200 OK', 0, 1] },
      ),
    ],
  ],
  [
    'a dead upstream in front of another',
    through(DEAD, SECOND),
    [
      same('a GET is served by the next one', asks(GET), ['200 OK', 0, 1]),
      same('a body is served by the next one', asks(POST, 'abc'), ['200 OK', 0, 1]),
      same(
        'a CONNECT is served by the next one',
        async side => (await asks(CONNECT)(side)).slice(1),
        [0, 1],
      ),
    ],
  ],
  [
    'upstreams by name, of which the first is unknown and the second written with a space',
    through(
      () => 'nowhere.invalid:8080',
      place => `localhost ${place.spare}`,
    ),
    [same('a GET is served by the next one', asks(GET), ['200 OK', 0, 1])],
  ],
  [
    'no upstream that is alive',
    through(DEAD),
    [
      better(
        'a GET is answered 502 without a reason',
        WHY,
        async side => statusOf(await ask(side, GET)),
        {
          cntlm: '502 Parent proxy unreacheable',
          tsntlm: '502 Bad Gateway (DIAL_REFUSED)',
        },
      ),
      better(
        'a CONNECT is answered 502 without a reason',
        WHY,
        async side => statusOf(await ask(side, CONNECT)),
        {
          cntlm: '502 Parent proxy unreacheable',
          tsntlm: '502 Bad Gateway (DIAL_REFUSED)',
        },
      ),
    ],
  ],
]

if (skipUnless(t, ['cntlm'])) {
  for (const [name, configuration, cases] of suites) {
    t.test(name, async t => {
      await compare(t, await startDuel(t, configuration), cases)
    })
  }
}
