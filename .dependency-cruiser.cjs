/**
 * Who may enter whom: docs/architecture.md has the same table in words. A room may import itself, the doors of the rooms in
 * `rooms`, the node modules in `node` and the packages in `packages`; 'any' leaves that column to review.
 */
const ROOMS = {
  core: { rooms: [], node: ['util', 'net', 'crypto'] },
  ntlm: { rooms: ['core'], node: ['crypto'] },
  http1: { rooms: ['core'], node: [] },
  socks5: { rooms: ['core'], node: ['net', 'crypto'] },
  config: { rooms: ['core'], node: ['fs', 'fs/promises', 'path'] },
  policy: { rooms: ['core'], node: ['net'] },
  net: { rooms: ['core'], node: ['net', 'dns', 'dns/promises', 'fs', 'os', 'tls', 'stream'] },
  pac: {
    rooms: ['core'],
    node: ['dgram', 'fs', 'fs/promises', 'http', 'https', 'net', 'os', 'url', 'worker_threads'],
    packages: ['quickjs-wasi'],
  },
  setup: {
    rooms: ['core', 'config'],
    node: ['net', 'path', 'util', 'crypto'],
    packages: ['jsonc-parser', '@decimalturn/toml-patch'],
  },
  upstream: { rooms: ['core', 'ntlm', 'http1', 'net', 'policy'], node: ['stream'] },
  proxy: {
    rooms: ['core', 'http1', 'socks5', 'net', 'policy', 'upstream'],
    node: ['http', 'net', 'stream'],
  },
  control: { rooms: ['core', 'net'], node: ['fs', 'http', 'path'] },
  observe: { rooms: ['core'], node: ['fs'], packages: ['pino'] },
  admin: {
    rooms: ['core', 'net'],
    node: ['fs', 'http'],
    packages: ['prom-client'],
  },
  service: {
    rooms: [
      'core',
      'config',
      'ntlm',
      'http1',
      'net',
      'policy',
      'pac',
      'upstream',
      'proxy',
      'observe',
    ],
    node: 'any',
  },
  workers: {
    rooms: ['core', 'config', 'http1', 'net', 'ntlm', 'policy', 'service', 'upstream'],
    node: ['child_process', 'net', 'url'],
  },
  doctor: {
    rooms: ['core', 'config', 'http1', 'net', 'setup', 'upstream'],
    node: ['events', 'net', 'path', 'stream'],
  },
  migration: { rooms: ['core', 'config', 'ntlm', 'policy'], node: [] },
  demo: { rooms: ['core', 'ntlm', 'http1', 'net'], node: 'any', packages: ['node-forge'] },
  cli: {
    rooms: [
      'control',
      'core',
      'config',
      'ntlm',
      'http1',
      'net',
      'policy',
      'pac',
      'upstream',
      'observe',
      'admin',
      'service',
      'workers',
      'migration',
      'demo',
      'setup',
      'doctor',
    ],
    node: 'any',
    packages: ['yargs'],
  },
}

function roomRule([room, { rooms, node, packages = [] }]) {
  const own = `^src/(${[room, ...rooms].join('|')})/`
  const installed = packages.map(name => `node_modules/(@types/)?${name}/`)
  const builtins = node === 'any' ? [] : [`^(node:)?(${node.join('|')})$`]
  return {
    name: `room-${room}`,
    comment: `src/${room} may enter: ${[...rooms, ...packages].join(', ') || 'nothing'}`,
    severity: 'error',
    from: { path: `^src/${room}/` },
    to: {
      pathNot: [own, ...installed, ...builtins],
      ...(node === 'any' ? { dependencyTypesNot: ['core'] } : {}),
    },
  }
}

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'two files that need each other are one file, or a third one is missing',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'through-the-door',
      comment: 'other rooms only through their index.ts',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/[^/]+/', pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$'] },
    },
    {
      name: 'every-room-has-a-row',
      comment: 'a new folder under src needs its row in the table above',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(${Object.keys(ROOMS).join('|')})/` },
      to: {},
    },
    ...Object.entries(ROOMS).map(roomRule),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types'],
    },
  },
}
