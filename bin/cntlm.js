#!/usr/bin/env node
import { main } from '../dist/cli/main.js'

// The program looks at its name: under this one it behaves as cntlm does.
await main(process.argv.slice(2))
