// `npm start` shows what the program does; `npm start -- --config FILE` runs it.
if (process.argv.length === 2) process.argv.push('demo')
require('./tsntlm.js')
