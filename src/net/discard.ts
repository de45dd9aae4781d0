/** Node 22 and later have it. */
type Transferable = ArrayBufferLike & { transfer?(length: number): ArrayBuffer }

/** Less is not worth it. */
const LEAST_BYTES = 32 * 1024

/**
 * Frees the memory of many bytes that a socket has read and that nobody needs any more. Left to garbage collection 32 MiB
 * of them come together, which go back to the system, and come anew and cleared: one upload through a tunnel takes twice
 * the processor time then. Bytes that share their memory with others are left alone.
 */
export function discard(bytes: Buffer): void {
  const memory: Transferable = bytes.buffer
  if (bytes.length >= LEAST_BYTES && bytes.length === memory.byteLength) memory.transfer?.(0)
}
