import type { Config } from '../config/index.ts'
import { better, different, type Remark } from './remarks.ts'

const ALWAYS: readonly Remark[] = [
  better(
    'a connection that has logged on to a proxy serves all clients; cntlm keeps one only where the proxy answers ' +
      'Proxy-Connection: keep-alive',
  ),
  different(
    'a rejected password is not sent again for 30 minutes or until the file is changed and tsntlm restarted or reloaded, so that ' +
      'the account is not locked; clients get 502 and the reason, with cntlm 407 and a new failed logon for each request',
  ),
  different(
    'before the first request a proxy is asked for http://255.255.255.255/, to prove the password: its log shows that',
  ),
  different(
    'requests get a Via field, and the fields of one hop (Connection, Proxy-Connection, Keep-Alive, TE) end here',
  ),
  different(
    "on direct ways a client's Basic credentials go to a web server once it asks for them; with OriginBasic always at once, as with cntlm",
  ),
  different(
    'in the foreground the log is JSON lines on standard output (LogFormat, -T FILE), and not syslog',
  ),
  different(
    'it stays in the foreground; under the name cntlm it goes to the background, and its log to syslog',
  ),
]

/** What is so with every file, and with those that leave something out. */
export function remarksOnEveryFile(config: Config | undefined): Remark[] {
  if (config === undefined || config.workstation !== undefined) return [...ALWAYS]
  return [
    ...ALWAYS,
    different(
      'without Workstation the proxy is told the first label of the name of this host, in capitals and 15 characters ' +
        'at most; cntlm tells the whole name',
    ),
  ]
}
