export { Admin, type AdminMove, type AdminOptions } from './admin.ts'
export { COUNTERS, GAUGES, HISTOGRAMS } from './metric-table.ts'
