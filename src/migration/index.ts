export { compareWithCntlm, type LineRemark } from './compare.ts'
export { remarksOnEveryFile } from './every-file.ts'
export type { Remark, Verdict } from './remarks.ts'
