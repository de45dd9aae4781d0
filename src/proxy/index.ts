export type { ProxyDependencies } from './dependencies.ts'
export { type ClientAddress, HttpFrontend } from './http-frontend.ts'
