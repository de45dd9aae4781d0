import { main } from '../dist/cli/main.js'

// `npm start` shows what the program does; `npm start -- --config FILE` runs it.
const args = process.argv.slice(2)
await main(args.length === 0 ? ['demo'] : args)
