/** cntlm knows 0 and 1 alone, and service managers rely on nothing else. */
export const OK = 0
export const FAILED = 1
/** `tsntlm status` alone: it runs, but nothing gets through an upstream. */
export const DEGRADED = 3
