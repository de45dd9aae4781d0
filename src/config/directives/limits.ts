import { type DirectiveSpec, single, timeLimit } from '../directive-rows.ts'
import { accept, count, oneOf, parseLogonCheck, type Parser } from '../values.ts'

const MOST_CLIENTS = 1_000_000
const MOST_BYTES_A_SECOND = 1_000_000

/** A number, or a word that stands for `meaning`. */
function countOr<T>(word: string, meaning: T, number: Parser<number>): Parser<number | T> {
  return text => (text.toLowerCase() === word ? accept(meaning) : number(text))
}

/** Time limits and counts. */
export const LIMITS: readonly DirectiveSpec[] = [
  timeLimit('ConnectTimeout', 'connectTimeoutMs', 'refused', 'to connect to an upstream proxy'),
  timeLimit(
    'HandshakeTimeout',
    'handshakeTimeoutMs',
    'refused',
    'for the logon to an upstream proxy',
  ),
  timeLimit('ResponseTimeout', 'responseTimeoutMs', 'refused', 'for the first byte of an answer'),
  timeLimit(
    'SessionIdleTimeout',
    'sessionIdleMs',
    'refused',
    'that an unused connection to an upstream proxy is kept',
  ),
  timeLimit(
    'TunnelIdleTimeout',
    'tunnelIdleMs',
    'off',
    'without traffic after which a tunnel is closed',
  ),
  timeLimit(
    'HeaderTimeout',
    'headerTimeoutMs',
    'refused',
    'for a client to send the header of its request, or its SOCKS5 handshake',
  ),
  timeLimit(
    'BodyTimeout',
    'bodyTimeoutMs',
    'off',
    'without a byte of a request body from a client, or in which it reads nothing of its answer',
  ),
  single('BodyRate', 'bodyRate', {
    grammar: '1-1000000 | off',
    doc: 'Bytes of a request body that a client has to send in a second, measured over 20 seconds, while other requests wait for its connection to the upstream proxy',
    since: 'tsntlm',
    parse: countOr('off', 0, count(1, MOST_BYTES_A_SECOND)),
    show: rate => (rate === 0 ? 'off' : String(rate)),
  }),
  timeLimit(
    'ClientIdleTimeout',
    'clientIdleMs',
    'refused',
    'that the connection of a client is kept without a request',
  ),
  single('RateLimitRetry', 'rateLimitRetry', {
    grammar: 'connect | all | off',
    doc: 'What waits and is sent again when an upstream proxy answers 429, or 503 with Retry-After: CONNECT, requests without a body too, or nothing',
    since: 'tsntlm',
    parse: oneOf('connect', 'all', 'off'),
    show: value => value,
  }),
  timeLimit(
    'RateLimitWait',
    'rateLimitWaitMs',
    'refused',
    'of the longest single wait for RateLimitRetry; who is told to wait longer gets the answer at once',
  ),
  timeLimit(
    'RateLimitTotal',
    'rateLimitTotalMs',
    'refused',
    'of all waits of a request for RateLimitRetry together',
  ),
  single('MaxHandshakes', 'maxHandshakes', {
    grammar: '1-1024',
    doc: 'Logons in flight at the same time',
    since: 'tsntlm',
    parse: count(1, 1024),
    show: String,
  }),
  single('LogonBudget', 'logonBudget', {
    grammar: '1-10',
    doc: 'Failed logons that the account may be charged with; must be below the number that locks it in the directory',
    since: 'tsntlm',
    parse: count(1, 10),
    show: String,
  }),
  single('LogonCheck', 'logonCheck', {
    grammar: 'URL | off',
    doc: 'What logon checks ask an upstream proxy for: an http URL that it answers quickly and by itself; off sends none',
    since: 'tsntlm',
    parse: parseLogonCheck,
    show: value => value,
  }),
  single('MaxSessions', 'maxSessions', {
    grammar: '1-65535',
    doc: 'Connections to one upstream proxy at the same time, tunnels not counted',
    since: 'tsntlm',
    parse: count(1, 65535),
    show: String,
  }),
  single('MaxWaiting', 'maxWaiting', {
    grammar: '0-65535',
    doc: 'Requests that may wait for a connection to one upstream proxy; the next one is refused',
    since: 'tsntlm',
    parse: count(0, 65535),
    show: String,
  }),
  single('MaxClients', 'maxClients', {
    grammar: '1-1000000 | auto',
    doc: 'Connections of clients at the same time; auto is what the limit of descriptors allows',
    since: 'tsntlm',
    parse: countOr('auto', undefined, count(1, MOST_CLIENTS)),
    show: most => (most === undefined ? 'auto' : String(most)),
  }),
  single('MaxClientsPerAddress', 'maxClientsPerAddress', {
    grammar: '1-1000000 | off',
    doc: 'Connections from one client address at the same time',
    since: 'tsntlm',
    parse: countOr('off', 0, count(1, MOST_CLIENTS)),
    show: most => (most === 0 ? 'off' : String(most)),
  }),
  single('Workers', 'workers', {
    grammar: '1-64 | auto',
    doc: 'Processes that serve clients; auto is one for each processor, four at most. 1 serves in the main process itself',
    since: 'tsntlm',
    parse: countOr('auto', 'auto', count(1, 64)),
    show: String,
  }),
  single('Warm', 'warm', {
    grammar: 'off | dialled | authenticated | challenged',
    doc: 'How far connections to an upstream proxy are made ready before tunnels want them: connected, logged on, or where that is of no use the logon begun',
    since: 'tsntlm',
    parse: oneOf('off', 'dialled', 'authenticated', 'challenged'),
    show: value => value,
  }),
  single('WarmMax', 'warmMax', {
    grammar: '1-1024',
    doc: 'Connections to one upstream proxy that are made ready ahead at the same time',
    since: 'tsntlm',
    parse: count(1, 1024),
    show: String,
  }),
  single('WarmTunnels', 'warmTunnels', {
    grammar: '1-64 | off',
    doc: 'Tunnels that are opened at the same time before they are asked for, to targets that were asked for several times of late',
    since: 'tsntlm',
    parse: countOr('off', 0, count(1, 64)),
    show: number => (number === 0 ? 'off' : String(number)),
  }),
]
