export type SessionId = number & { readonly SessionId: unique symbol }
export type RequestId = string & { readonly RequestId: unique symbol }

/** Numbers that are given out once: 1, 2, 3 ... */
export function countFrom(first = 1): () => number {
  let next = first
  return () => next++
}
