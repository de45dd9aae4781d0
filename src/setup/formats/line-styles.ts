import { doubleQuote, unquote } from '../quote.ts'
import type { LineStyle, NamedValue } from './lines.ts'

function named(match: RegExpExecArray | null): NamedValue | undefined {
  const [, name, value = ''] = match ?? []
  return name === undefined ? undefined : { name, value: unquote(value.trim()) }
}

/** `.gitconfig`, git-config(1) "Syntax". */
export const GIT: LineStyle = {
  comment: '#',
  hasSections: true,
  indent: '\t',
  parse: line => named(/^\s*([A-Za-z][A-Za-z0-9-]*)\s*(?:=(.*))?$/.exec(line)),
  render: (name, value) => `${name} = ${/[#;"\\]/.test(value) ? doubleQuote(value) : value}`,
  continues: line => line.endsWith('\\'),
  isAllowed: (_line, previous) => previous.endsWith('\\'),
}

/** pip.conf and dnf.conf: Python's configparser, where an indented line goes on with the one before. */
export const INI: LineStyle = {
  comment: '#',
  hasSections: true,
  parse: line => named(/^([^\s=:][^=:]*?)\s*[=:](.*)$/.exec(line)),
  render: (name, value) => `${name} = ${value}`,
  continues: (_line, next) => /^[ \t]+[^ \t#;]/.test(next),
  isAllowed: line => /^[ \t]/.test(line),
}

/** `.npmrc`: a name alone means true, `name[] = value` is a list. */
export const NPMRC: LineStyle = {
  comment: '#',
  hasSections: false,
  parse: line => named(/^\s*([^\s=[][^\s=]*)\s*(?:=(.*))?$/.exec(line)),
  render: (name, value) => `${name}=${value}`,
}

/** `.curlrc`: long options without their dashes, curl(1) under --config. */
export const CURLRC: LineStyle = {
  comment: '#',
  hasSections: false,
  parse: line => named(/^\s*-{0,2}([A-Za-z0-9.#-]+)\s*(?:[=: \t](.*))?$/.exec(line)),
  render: (name, value) => `${name} = ${doubleQuote(value)}`,
}

/** `.wgetrc`; `http-proxy` and `http_proxy` are one name. */
export const WGETRC: LineStyle = {
  comment: '#',
  hasSections: false,
  parse: line => {
    const setting = named(/^\s*([A-Za-z_-]+)\s*=(.*)$/.exec(line))
    return setting && { ...setting, name: setting.name.replaceAll('-', '_') }
  },
  render: (name, value) => `${name} = ${value}`,
}

/** gradle.properties, java.util.Properties.load: a backslash escapes, and at the end goes on with the next line. */
export const PROPERTIES: LineStyle = {
  comment: '#',
  hasSections: false,
  parse: line => {
    const [, name, value = ''] = /^\s*([^\s=:]+)\s*[=: \t]?\s*(.*)$/.exec(line) ?? []
    return name === undefined ? undefined : { name, value: value.replace(/\\(.)/g, '$1') }
  },
  render: (name, value) => `${name}=${value.replaceAll('\\', '\\\\')}`,
  continues: line => /(^|[^\\])(\\\\)*\\$/.test(line),
}

/** `.yarnrc` of Yarn 1: names and quoted values. */
export const YARNRC: LineStyle = {
  comment: '#',
  hasSections: false,
  parse: line => named(/^"?([^\s"]+)"?\s+(.*)$/.exec(line)),
  render: (name, value) => `${name} ${doubleQuote(value)}`,
  isAllowed: line => /^\s/.test(line),
}

/** The outermost mapping of `.yarnrc.yml`. Braces and tabs would be another way to write YAML: not edited. */
export const YARNRC_YML: LineStyle = {
  comment: '#',
  hasSections: false,
  parse: line => named(/^"?([A-Za-z][A-Za-z0-9]*)"?:(?:\s+(.*))?$/.exec(line)),
  render: (name, value) => `${name}: ${doubleQuote(value)}`,
  continues: (_line, next) => /^\s+[^\s#]/.test(next),
  isAllowed: line => !/^[\t{]/.test(line),
}

/** One `Environment="NAME=value"` a line, systemd.exec(5); specifiers begin with a percent sign, systemd.unit(5). */
export const DROP_IN: LineStyle = {
  comment: '#',
  hasSections: true,
  isCaseSensitive: true,
  parse: line => {
    const [, name, quoted] = /^\s*Environment="([A-Za-z_]+)=((?:[^"\\]|\\.)*)"\s*$/.exec(line) ?? []
    if (name !== undefined && quoted !== undefined)
      return { name, value: unquote(`"${quoted}"`).replaceAll('%%', '%') }
    return named(/^\s*([A-Za-z]+)\s*=(.*)$/.exec(line))
  },
  render: (name, value) => `Environment=${doubleQuote(`${name}=${value}`).replaceAll('%', '%%')}`,
  isAllowed: (_line, previous) => previous.endsWith('\\'),
}

/** apt.conf(5), one full name a line. */
export const APT: LineStyle = {
  comment: '//',
  hasSections: false,
  parse: line => named(/^\s*([A-Za-z0-9:._-]+)\s+("[^"]*");\s*$/.exec(line)),
  render: (name, value) => `${name} "${value}";`,
  isAllowed: () => true,
}

/** The one line of a shell's start file that is ours; its value is the command inside. */
export const PROFILE: LineStyle = {
  comment: '#',
  hasSections: false,
  parse: line => {
    const command = /^eval "\$\((tsntlm .*)\)"$/.exec(line)?.[1]
    return command === undefined ? undefined : { name: 'eval', value: command }
  },
  render: (_name, value) => `eval "$(${value})"`,
  isAllowed: () => true,
}
