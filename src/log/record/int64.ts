import { NumberTooLargeError } from '../errors.ts'

const TWO_TO_32 = 0x1_0000_0000
/** The high word of 2^53. */
const HIGH_LIMIT = 0x20_0000

/**
 * Offsets and timestamps as JavaScript numbers: two 32-bit loads and one multiplication instead of a bigint, which would
 * be an allocation for each field. Exact up to 2^53; 1.7e15 (microseconds since 1970) still passes, nanoseconds do not.
 */
export function readInt64(bytes: Buffer, at: number): number {
  const high = bytes.readInt32BE(at)
  if (high >= HIGH_LIMIT || high < -HIGH_LIMIT) throw tooLarge(bytes.readBigInt64BE(at), at)
  return high * TWO_TO_32 + bytes.readUInt32BE(at + 4)
}

/** Whether `readInt64` would succeed, for callers that must not throw. */
export function fitsNumber(bytes: Buffer, at: number): boolean {
  const high = bytes.readInt32BE(at)
  return high < HIGH_LIMIT && high >= -HIGH_LIMIT
}

/** Returns the position behind the eight bytes. */
export function writeInt64(bytes: Buffer, at: number, value: number): number {
  if (!Number.isSafeInteger(value)) throw tooLarge(value)
  bytes.writeInt32BE(Math.floor(value / TWO_TO_32), at)
  // ToUint32 is modulo 2^32, so this is the low word of a negative number too.
  return bytes.writeUInt32BE(value >>> 0, at + 4)
}

export function tooLarge(value: bigint | number, position?: number): NumberTooLargeError {
  return new NumberTooLargeError(`${value} is no whole number below 2^53`, position === undefined ? {} : { position })
}
