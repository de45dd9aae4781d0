#!/usr/bin/env node
// Name look-ups of the C library take a thread each ("Names" in docs/architecture.md). Node has made its threads before an ES module
// runs, so this is CommonJS; where one was preloaded it is too late, and the number must not be claimed.
const options = [process.env.NODE_OPTIONS, ...process.execArgv].join(' ')
if (!/--(?:import|(?:experimental-)?loader)\b/.test(options))
  process.env.UV_THREADPOOL_SIZE ??= '16'
void import('../dist/cli/main.js').then(({ main }) => main(process.argv.slice(2)))
