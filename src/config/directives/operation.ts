import { parseAdmin, showAdmin } from '../admin-address.ts'
import { LOG_LEVELS } from '../config.ts'
import { type DirectiveSpec, single, timeLimit, asWritten, asYesNo } from '../directive-rows.ts'
import { oneOf, parseAbsolutePath, parseSocketPath, parseYesNo } from '../values.ts'

/** The program itself. */
export const OPERATION: readonly DirectiveSpec[] = [
  single('StateDirectory', 'stateDirectory', {
    grammar: 'path',
    doc: 'Directory for what has to outlive a restart, such as the refusal of a password',
    since: 'tsntlm',
    parse: parseAbsolutePath,
    show: asWritten,
  }),
  single('ControlSocket', 'controlSocket', {
    grammar: 'path | off',
    doc: 'Socket over which tsntlm status, reload and others reach the running program',
    since: 'tsntlm',
    otherwise: 'the usual place',
    parse: parseSocketPath,
    show: asWritten,
  }),
  timeLimit(
    'ShutdownGrace',
    'shutdownGraceMs',
    'at once',
    'that a stop leaves to requests and tunnels',
  ),
  single('LogLevel', 'logLevel', {
    grammar: 'fatal | error | warn | info | debug | trace',
    doc: 'Least severe level that is logged',
    since: 'tsntlm',
    parse: oneOf(...LOG_LEVELS),
    show: value => value,
  }),
  single('LogFormat', 'logFormat', {
    grammar: 'auto | json | text',
    doc: 'Form of the log lines; auto is text on a terminal and JSON elsewhere',
    since: 'tsntlm',
    parse: oneOf('auto', 'json', 'text'),
    show: value => value,
  }),
  single('LogFile', 'logFile', {
    grammar: 'path',
    doc: 'File that log lines are appended to; SIGUSR2 and tsntlm reopen-log open it anew',
    since: 'tsntlm',
    otherwise: 'standard output',
    parse: parseAbsolutePath,
    show: asWritten,
  }),
  single('Admin', 'admin', {
    grammar: 'port | address:port | unix:path | off',
    doc: 'Where metrics, health and the status page are; a port alone is on 127.0.0.1',
    since: 'tsntlm',
    otherwise: 'off',
    parse: parseAdmin,
    show: showAdmin,
  }),
  single('AdminExposed', 'adminExposed', {
    grammar: 'yes | no',
    doc: 'Whether Admin may be an address that other hosts and containers reach',
    since: 'tsntlm',
    parse: parseYesNo,
    show: asYesNo,
  }),
]
