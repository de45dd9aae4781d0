export { Crew } from './crew.ts'
export { launchWorker } from './launch.ts'
