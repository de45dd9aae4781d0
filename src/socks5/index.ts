export { SocksHandshake, type SocksStep } from './handshake.ts'
export type { SocksUsers } from './message.ts'
export { Rep, replyBytes, type ReplyCode, replyCodeFor } from './reply.ts'
