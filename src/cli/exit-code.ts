/** cntlm knows 0 and 1 alone, and service managers rely on nothing else. */
export const OK = 0
export const FAILED = 1
