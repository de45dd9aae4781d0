export { breakOff } from '../net/index.ts'
