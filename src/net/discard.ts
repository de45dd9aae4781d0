/** Since Node 22. */
type Transferable = ArrayBufferLike & { transfer?(length: number): ArrayBuffer }

/** Freeing smaller buffers is not worth it. */
const LEAST_BYTES = 32 * 1024

/**
 * Frees the memory of a large read that is no longer needed. Garbage collection would free 32 MiB of it in one go and
 * return it to the system, to be allocated and cleared again: one upload through a tunnel then takes twice the
 * processor time. Bytes that share their memory with others are left alone.
 */
export function discard(bytes: Buffer): void {
  const memory: Transferable = bytes.buffer
  if (bytes.length >= LEAST_BYTES && bytes.length === memory.byteLength) memory.transfer?.(0)
}
