import t from 'tap'
import { type Key, MalformedFile } from '../../../src/setup/formats/format.ts'
import { type FormatName, FORMATS } from '../../../src/setup/formats/formats.ts'

interface Case {
  readonly format: FormatName
  readonly before: string
  readonly key: Key
  readonly value: string
  readonly after: string
}

const MAVEN_PROXY = '<id>x</id><active>true</active>'

const CASES: Case[] = [
  {
    format: 'json',
    before: '{\n\t"auths": {"a": {}}\n}',
    key: ['proxies', 'default', 'httpProxy'],
    value: 'http://a:1',
    after:
      '{\n\t"auths": {"a": {}},\n\t"proxies": {\n\t\t"default": {\n\t\t\t"httpProxy": "http://a:1"\n\t\t}\n\t}\n}',
  },
  {
    format: 'json',
    before: '{"proxies":{"http-proxy":"old","z":1}}',
    key: ['proxies', 'http-proxy'],
    value: 'new "q"',
    after: '{"proxies":{"http-proxy":"new \\"q\\"","z":1}}',
  },
  {
    format: 'git',
    before:
      '# mine\n[user]\n\tname = A\n[http]\n\tsslVerify = true\n\n# about ssh\n[core]\n\teditor = vi\n',
    key: ['http', 'proxy'],
    value: 'http://a:1',
    after:
      '# mine\n[user]\n\tname = A\n[http]\n\tsslVerify = true\n\tproxy = http://a:1\n\n# about ssh\n[core]\n\teditor = vi\n',
  },
  {
    format: 'git',
    before: '[http]\n  Proxy = old\n[http "https://b/"]\n  proxy = kept',
    key: ['http', 'proxy'],
    value: 'new',
    after: '[http]\n  Proxy = new\n[http "https://b/"]\n  proxy = kept\n',
  },
  {
    format: 'ini',
    before: '[global]\r\ntimeout: 60\r\nfind-links =\r\n  a\r\n  b\r\n[install]\r\nx=1\r\n',
    key: ['global', 'proxy'],
    value: 'p',
    after:
      '[global]\r\ntimeout: 60\r\nfind-links =\r\n  a\r\n  b\r\nproxy = p\r\n[install]\r\nx=1\r\n',
  },
  {
    format: 'npmrc',
    before: '; c\n//r/:_authToken=abc\nproxy = old\nca[]=x\nfund\n',
    key: ['proxy'],
    value: 'new',
    after: '; c\n//r/:_authToken=abc\nproxy=new\nca[]=x\nfund\n',
  },
  {
    format: 'curlrc',
    before: '--proxy old\nuser-agent = "x"\n-s\n',
    key: ['proxy'],
    value: 'n"q\\',
    after: 'proxy = "n\\"q\\\\"\nuser-agent = "x"\n-s\n',
  },
  {
    format: 'wgetrc',
    before: 'HTTP-Proxy=old\ntries = 3\n',
    key: ['http_proxy'],
    value: 'new',
    after: 'HTTP_Proxy = new\ntries = 3\n',
  },
  {
    format: 'properties',
    before: '! c\norg.gradle.daemon: true\nsystemProp.http.proxyHost old\n',
    key: ['systemProp.http.proxyHost'],
    value: 'a\\b',
    after: '! c\norg.gradle.daemon: true\nsystemProp.http.proxyHost=a\\\\b\n',
  },
  {
    format: 'yarnrc',
    before: 'registry "https://r"\n"https-proxy" "old"\n--install.flat true\n',
    key: ['https-proxy'],
    value: 'new',
    after: 'registry "https://r"\nhttps-proxy "new"\n--install.flat true\n',
  },
  {
    format: 'yarnrc-yml',
    before: '# c\nnpmScopes:\n  a:\n    httpProxy: no\nhttpProxy: "old"\nplugins:\n  - x\n',
    key: ['httpProxy'],
    value: 'new',
    after: '# c\nnpmScopes:\n  a:\n    httpProxy: no\nhttpProxy: "new"\nplugins:\n  - x\n',
  },
  {
    format: 'drop-in',
    before: '[Unit]\nAfter=x\n[Service]\nEnvironment="http_proxy=old"\nLimitNOFILE=9\n',
    key: ['Service', 'HTTP_PROXY'],
    value: 'a%b"c\\',
    after:
      '[Unit]\nAfter=x\n[Service]\nEnvironment="http_proxy=old"\nLimitNOFILE=9\nEnvironment="HTTP_PROXY=a%%b\\"c\\\\"\n',
  },
  {
    format: 'apt',
    before: 'Acquire { Retries "3"; };\nAcquire::http::Proxy "old";\n',
    key: ['Acquire::http::Proxy'],
    value: 'new',
    after: 'Acquire { Retries "3"; };\nAcquire::http::Proxy "new";\n',
  },
  {
    format: 'profile',
    before: 'if [ -n "$BASH" ]; then\n  . ~/.bashrc\nfi\n',
    key: ['eval'],
    value: 'tsntlm env',
    after: 'if [ -n "$BASH" ]; then\n  . ~/.bashrc\nfi\neval "$(tsntlm env)"\n',
  },
  {
    format: 'maven-settings',
    before:
      '<?xml version="1.0"?>\n<!-- <proxies> -->\n<settings>\n  <offline>false</offline>\n</settings>\n',
    key: ['x'],
    value: MAVEN_PROXY,
    after:
      '<?xml version="1.0"?>\n<!-- <proxies> -->\n<settings>\n  <proxies>\n    <proxy>\n      <id>x</id>\n      <active>true</active>\n    </proxy>\n  </proxies>\n  <offline>false</offline>\n</settings>\n',
  },
  {
    format: 'maven-settings',
    before:
      '<settings>\n\t<proxies><!-- c -->\n\t\t<proxy><id>old</id></proxy>\n\t</proxies>\n</settings>',
    key: ['old'],
    value: '<id>old</id><host></host>',
    after:
      '<settings>\n\t<proxies><!-- c -->\n\t\t<proxy>\n\t\t  <id>old</id>\n\t\t  <host></host>\n\t\t</proxy>\n\t</proxies>\n</settings>',
  },
  {
    format: 'runner-toml',
    before:
      'concurrent = 4 # c\n[[runners]]\n  name = "a"\n  environment = ["X=1", "http_proxy=old"] # why\n  [runners.docker]\n    image = "i"\n[[runners]]\n  name = "b"\n',
    key: ['runners', 'a', 'environment', 'http_proxy'],
    value: 'new',
    after:
      'concurrent = 4 # c\n[[runners]]\n  name = "a"\n  environment = ["X=1", "http_proxy=new"] # why\n  [runners.docker]\n    image = "i"\n[[runners]]\n  name = "b"\n',
  },
  {
    format: 'runner-toml',
    before:
      "[[runners]]\n  name = \"a\"\n  pre_build_script = '''\necho 1\n'''\n[[runners]]\n  name = \"a\"\n",
    key: ['runners', '#0', 'pre_build_script'],
    value: 'echo "$HOME"',
    after:
      '[[runners]]\n  name = "a"\n  pre_build_script = \'\'\'\necho 1\n# begin of tsntlm setup\necho "$HOME"\n# end of tsntlm setup\n\'\'\'\n[[runners]]\n  name = "a"\n',
  },
]

t.test('a setting is put into a file and the rest stays', async t => {
  for (const { format, before, key, value, after } of CASES) {
    const { set, get } = FORMATS[format]
    const edited = set(before, key, value)
    t.equal(edited, after, format)
    t.equal(get(edited, key), value, format)
    t.equal(set(edited, key, value), edited, `${format}: twice is once`)
  }
})

t.test('what was put into a file and taken out again leaves it as it was', async t => {
  for (const { format, before, key, value } of CASES) {
    const { set, get, remove } = FORMATS[format]
    if (get(before, key) !== undefined) continue
    t.equal(remove(set(before, key, value), key), before, format)
    t.equal(remove(before, key), before, format)
  }
})

t.test('comments of config.toml stay, wherever ours come to stand', async t => {
  const { set, get, remove } = FORMATS['runner-toml']
  const texts = [
    '[[runners]]\n  executor = "docker"\n  # about docker\n  [runners.docker]\n    image = "i"\n',
    '[[runners]]\n  environment = [\n    "A=1",\n    # last\n  ]\n  # c\n  [runners.docker]\n',
    '[[runners]]\n  environment = ["A=1"] # c\n  # trailing\n\n# end\n',
    '[[runners]]\r\n  limit = 1 # c\r\n  [runners.docker]\r\n    image = "x"\r\n',
    '[[runners]]\n  token_expires_at = 0001-01-01T00:00:00Z\n  id = 12345678901\n# second\n[[runners]]\n',
  ]
  const edits: [key: Key, value: string][] = [
    [['runners', '#0', 'environment', 'http_proxy'], 'http://a:1'],
    [['runners', '#0', 'pre_build_script'], 'echo "$HOME" \\\nfi'],
  ]
  for (const text of texts) {
    for (const [key, value] of edits) {
      const edited = set(text, key, value)
      t.equal(get(edited, key), value)
      for (const comment of text.match(/# .*/g) ?? []) t.match(edited, comment)
      t.equal(remove(edited, key), text)
    }
  }
})

t.test('a new file is made, and is empty again when its settings are gone', async t => {
  for (const name of Object.keys(FORMATS) as FormatName[]) {
    if (name === 'runner-toml') continue
    const { heading, set, get, remove, isEmpty } = FORMATS[name]
    const { key, value } = CASES.find(({ format }) => format === name)!
    const made = set(heading, key, value)
    t.equal(get(made, key), value, name)
    t.notOk(isEmpty(made), name)
    t.ok(isEmpty(remove(made, key)), `${name}: ${remove(made, key)}`)
    t.notOk(isEmpty(set(made, key, value)), name)
  }
})

t.test('a file that is broken is refused with the line', async t => {
  const cases: [format: FormatName, key: Key, text: string, line: number][] = [
    ['json', ['a', 'b'], '{\n "a": }', 2],
    ['json', ['a', 'b'], '{\n // c\n}', 2],
    ['json', ['a', 'b'], '{"x": 1,\n}', 2],
    ['json', ['a', 'b'], '[]', 1],
    ['json', ['a', 'b'], '{\n"a": "text"}', 2],
    ['git', ['http', 'proxy'], 'proxy = x\n[http]\n', 1],
    ['git', ['http', 'proxy'], '[user]\n<<<<<<< HEAD\n', 2],
    ['git', ['http', 'proxy'], '[http]\n[open\n', 2],
    ['git', ['http', 'proxy'], '[http]\nproxy = a\\\nb\n', 2],
    ['ini', ['global', 'proxy'], '[global]\nproxy =\n  a\n', 2],
    ['npmrc', ['proxy'], 'a=1\n= 2\n', 2],
    ['properties', ['p'], 'a=1\np=x|\\\n  y\n', 2],
    ['yarnrc-yml', ['httpProxy'], '{a: 1}\n', 1],
    ['yarnrc-yml', ['httpProxy'], 'httpProxy: >\n  x\n', 1],
    ['maven-settings', ['x'], '<settings>\n<a></settings>', 2],
    ['maven-settings', ['x'], '<settings>\n', 1],
    ['maven-settings', ['x'], '<settings>\n<a b=c/></settings>', 2],
    ['maven-settings', ['x'], '<settings>\n<!-- a -- b --></settings>', 2],
    ['maven-settings', ['x'], '<project/>', 1],
    ['maven-settings', ['x'], '<settings/>\n<settings/>', 2],
    ['maven-settings', ['x'], 'text <settings></settings>', 1],
    ['maven-settings', ['x'], '<settings>\n<proxies/></settings>', 2],
    ['runner-toml', ['runners', 'a', 'environment', 'x'], '[[runners]]\ntoken = glrt-hidden\n', 2],
    [
      'runner-toml',
      ['runners', 'a', 'environment', 'x'],
      '[[runners]]\nname="a"\nenvironment = "x"\n',
      1,
    ],
  ]
  for (const [format, key, text, line] of cases) {
    try {
      FORMATS[format].set(text, key, 'v')
      t.fail(`${format}: ${text}`)
    } catch (error) {
      if (!(error instanceof MalformedFile)) throw error
      t.equal(error.line, line, `${format}: ${text}: ${error.message}`)
      t.notMatch(error.message, 'glrt-hidden')
    }
  }
})

t.test('an existing settings element without content takes proxies too', async t => {
  const edited = FORMATS['maven-settings'].set('<settings></settings>', ['x'], MAVEN_PROXY)
  t.equal(FORMATS['maven-settings'].get(edited, ['x']), MAVEN_PROXY)
})
