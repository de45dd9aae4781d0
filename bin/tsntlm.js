#!/usr/bin/env node
// Name look-ups of the C library take a thread each ("Names" in docs/architecture.md). Node has made its threads before an ES module
// runs, so this is CommonJS.
process.env.UV_THREADPOOL_SIZE ??= '16'
void import('../dist/cli/main.js').then(({ main }) => main(process.argv.slice(2)))
