/** VERSION (MS-NLMP 2.2.2.10). For debugging only: nothing depends on it. */
export interface Version {
  readonly major: number
  readonly minor: number
  readonly build: number
}

export const VERSION_LENGTH = 8

/** NTLMSSP_REVISION_W2K3, the only revision defined. */
const REVISION = 0x0f

/** The version we claim: Windows 10, so that an upstream sees nothing unusual. */
export const OWN_VERSION: Version = { major: 10, minor: 0, build: 19041 }

/**
 * u8 major, u8 minor, u16 build, 3 zero bytes, u8 revision; without a version the slot is all zero.
 */
export function encodeVersion(version: Version | undefined): Buffer {
  const bytes = Buffer.alloc(VERSION_LENGTH)
  if (version === undefined) return bytes
  bytes.writeUInt8(version.major, 0)
  bytes.writeUInt8(version.minor, 1)
  bytes.writeUInt16LE(version.build, 2)
  bytes.writeUInt8(REVISION, 7)
  return bytes
}

/** Reads the 8 bytes at `offset`, or undefined when the message ends before. */
export function readVersion(message: Buffer, offset: number): Version | undefined {
  if (message.length < offset + VERSION_LENGTH) return undefined
  return {
    major: message.readUInt8(offset),
    minor: message.readUInt8(offset + 1),
    build: message.readUInt16LE(offset + 2),
  }
}
