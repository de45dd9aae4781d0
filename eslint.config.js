import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

/**
 * What only one file may touch. Everything else takes a Clock, an Entropy, a Dialer or its options as an argument, so that a
 * test can decide them.
 */
const RESTRICTED = {
  time: {
    globals: ['setTimeout', 'setInterval', 'setImmediate', 'performance'],
    properties: [['Date', 'now']],
    imports: ['node:timers', 'node:timers/promises', 'node:perf_hooks'].map(name => ({ name })),
    instead: 'take a Clock (src/core/clock.ts)',
  },
  entropy: {
    properties: [['Math', 'random']],
    imports: [
      {
        name: 'node:crypto',
        importNames: ['randomBytes', 'randomInt', 'randomUUID', 'randomFill'],
      },
    ],
    instead: 'take an Entropy (src/core/entropy.ts)',
  },
  dial: {
    imports: [
      { name: 'node:net', importNames: ['connect', 'createConnection'] },
      { name: 'node:tls', importNames: ['connect'] },
    ],
    properties: ['net', 'tls'].flatMap(from => [
      [from, 'connect'],
      [from, 'createConnection'],
    ]),
    instead: 'take a Dialer (src/net/dialer.ts)',
  },
  environment: {
    properties: [['process', 'env']],
    imports: [{ name: 'node:process', importNames: ['env'] }],
    instead: 'take an option, the environment is read in src/cli and src/service',
  },
}

/** The three rules that forbid everything in RESTRICTED but what `allowed` names. */
function restrictAllBut(...allowed) {
  const kinds = Object.keys(RESTRICTED)
    .filter(kind => !allowed.includes(kind))
    .map(kind => ({ globals: [], properties: [], imports: [], ...RESTRICTED[kind] }))
  const globals = kinds.flatMap(kind => kind.globals.map(name => ({ name, message: kind.instead })))
  const properties = kinds.flatMap(kind =>
    kind.properties.map(([object, property]) => ({ object, property, message: kind.instead })),
  )
  const paths = kinds.flatMap(kind =>
    kind.imports.map(path => ({ ...path, message: kind.instead })),
  )
  return {
    // ESLint keeps the options of an earlier entry when a later one brings none, so an empty list must say 'off'.
    'no-restricted-globals': globals.length > 0 ? ['error', ...globals] : 'off',
    'no-restricted-properties': properties.length > 0 ? ['error', ...properties] : 'off',
    'no-restricted-imports': paths.length > 0 ? ['error', { paths }] : 'off',
  }
}

const SHAPE = [
  {
    selector: ':matches(NewExpression, CallExpression)[callee.name="Date"][arguments.length=0]',
    message: 'reads the clock: give it the milliseconds of a Clock',
  },
  { selector: 'TSEnumDeclaration', message: 'a union of string literals erases, an enum does not' },
  { selector: 'ExportDefaultDeclaration', message: 'named exports only' },
  { selector: 'ExportAllDeclaration', message: 'a door names what it lets out' },
  {
    selector: 'CallExpression[callee.property.name="removeAllListeners"][arguments.length=0]',
    message: "name the event: this also removes node's own listeners",
  },
]

export default defineConfig(
  globalIgnores([
    'dist/',
    'dist-deb/',
    'dist-sea/',
    'dist-bench/',
    'dist-chaos/',
    '.tap/',
    'coverage/',
  ]),
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      complexity: ['error', 15],
      eqeqeq: 'error',
      'max-lines': ['error', 400],
      'no-console': 'error',
      'no-restricted-syntax': ['error', ...SHAPE],
      'object-shorthand': 'error',
      'prefer-const': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `return refuse(...)` and `() => void list.push(x)` say what they mean.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
    },
  },
  { files: ['src/**/*.ts'], rules: restrictAllBut() },
  { files: ['src/core/clock.ts'], rules: restrictAllBut('time') },
  { files: ['src/core/entropy.ts'], rules: restrictAllBut('entropy') },
  {
    files: ['src/net/{dialer,lending-socket,certificates,listen-at}.ts'],
    rules: restrictAllBut('dial'),
  },
  { files: ['src/{cli,service}/**/*.ts'], rules: restrictAllBut('environment') },
  // The size of the thread pool is the process's, and what node reads when it starts.
  { files: ['src/net/names/system-look-up.ts'], rules: restrictAllBut('environment') },
  // It runs in a browser, whose time is its own.
  { files: ['src/admin/page/*.ts'], rules: restrictAllBut('time') },
  // The demo is a network of its own in one process: it may dial and roll dice, but its time is a Clock too.
  { files: ['src/demo/**/*.ts'], rules: restrictAllBut('entropy', 'dial') },
  {
    files: ['test/**/*.ts'],
    rules: {
      complexity: 'off',
      'no-console': 'off',
      // Anything thrown or undefined fails the test anyway.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      // tap waits for its subtests and its assertions by itself.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafePromises: [
            { from: 'package', name: 'PromiseWithSubtest', package: '@tapjs/core' },
          ],
        },
      ],
      // An async subtest without await is how tap is told that there is no plan.
      '@typescript-eslint/require-await': 'off',
    },
  },
)
