#!/usr/bin/env node
// The program looks at its name: under this one it behaves as cntlm does.
require('./tsntlm.js')
