/** Ticks of 100 ns between 1601-01-01, where FILETIME starts, and the Unix epoch. */
const UNIX_EPOCH = 116_444_736_000_000_000n
const TICKS_PER_MS = 10_000n

/** Unix milliseconds, fractions allowed, as a FILETIME (MS-DTYP 2.3.3): 8 bytes, little-endian. */
export function filetimeFromUnixMs(unixMs: number): Buffer {
  const whole = Math.floor(unixMs)
  const ticks = BigInt(Math.floor((unixMs - whole) * Number(TICKS_PER_MS)))
  const filetime = Buffer.alloc(8)
  filetime.writeBigUInt64LE(BigInt(whole) * TICKS_PER_MS + ticks + UNIX_EPOCH)
  return filetime
}

/** Whole Unix milliseconds of an 8-byte FILETIME; negative before 1970. */
export function unixMsFromFiletime(filetime: Buffer): number {
  return Number((filetime.readBigUInt64LE(0) - UNIX_EPOCH) / TICKS_PER_MS)
}
