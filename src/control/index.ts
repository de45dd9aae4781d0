export type { ControlActions, ReloadOutcome } from './actions.ts'
export { askControl, type ControlAnswer, type ControlQuestion } from './ask.ts'
export { type ControlSocket, openControlSocket } from './open-socket.ts'
