/**
 * Kafka's variable-length integers: zig-zag (0, -1, 1, -2 … become 0, 1, 2, 3 …), then groups of seven bits, lowest
 * first, with the high bit of a byte saying that more follow. A varint is an int32 in at most 5 bytes, a varlong an int64
 * in at most 10; longer than necessary is allowed. So -1 = 01, 0 = 00, 5 = 0a, 300 = d8 04.
 *
 * Reading is two steps, both without an object: `varintEnd` says where it ends, or -1 if it does not end in time;
 * `readVarint` trusts that. Almost every varint of a record has one byte, for which both return at once.
 */
import { tooLarge } from './int64.ts'

export const MAX_VARINT_SIZE = 5
export const MAX_VARLONG_SIZE = 10

/** The position behind the varint at `at`; -1 if it goes beyond `end` or has more than 5 bytes. */
export function varintEnd(bytes: Buffer, at: number, end: number): number {
  if (at < end && bytes[at]! < 0x80) return at + 1
  return groupsEnd(bytes, at, Math.min(end, at + MAX_VARINT_SIZE))
}

/** The position behind the varlong at `at`; -1 if it goes beyond `end` or has more than 10 bytes. */
export function varlongEnd(bytes: Buffer, at: number, end: number): number {
  if (at < end && bytes[at]! < 0x80) return at + 1
  return groupsEnd(bytes, at, Math.min(end, at + MAX_VARLONG_SIZE))
}

function groupsEnd(bytes: Buffer, at: number, end: number): number {
  for (let position = at; position < end; position++) {
    if (bytes[position]! < 0x80) return position + 1
  }
  return -1
}

/** The int32 at `at`, where `varintEnd` has found an end. Bits above the 32nd are dropped, as Kafka's reader does. */
export function readVarint(bytes: Buffer, at: number): number {
  let byte = bytes[at]!
  if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1)
  let value = byte & 0x7f
  for (let shift = 7; shift <= 28; shift += 7) {
    byte = bytes[++at]!
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) break
  }
  return (value >>> 1) ^ -(value & 1)
}

/** The int64 at `at`, where `varlongEnd` has found an end; NumberTooLargeError where a number can't hold it. */
export function readVarlong(bytes: Buffer, at: number): number {
  const first = bytes[at]!
  if (first < 0x80) return (first >>> 1) ^ -(first & 1)
  // Four groups make the low 28 bits, four the next 28, the last two what is above 2^56.
  let low = 0
  let middle = 0
  let high = 0
  for (let group = 0; group < MAX_VARLONG_SIZE; group++) {
    const byte = bytes[at + group]!
    const bits = byte & 0x7f
    if (group < 4) low |= bits << (7 * group)
    else if (group < 8) middle |= bits << (7 * (group - 4))
    else high |= bits << (7 * (group - 8))
    if (byte < 0x80) break
  }
  // The lowest bit is the sign; without it, 2^27 is what a unit of `middle` is worth.
  const half = (low >>> 1) + middle * 0x800_0000
  const value = (low & 1) === 0 ? half : -half - 1
  // The tenth group holds one bit of an int64; what is above it is dropped.
  if ((high & 0xff) !== 0 || !Number.isSafeInteger(value)) throw tooLarge(readBigVarlong(bytes, at), at)
  return value
}

/** Returns the position behind the last byte written, at most 5 on. */
export function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = (value << 1) ^ (value >> 31)
  while ((rest & ~0x7f) !== 0) {
    bytes[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[at++] = rest
  return at
}

/** As `writeVarint` for a whole number below 2^53, at most 8 bytes. */
export function writeVarlong(bytes: Buffer, at: number, value: number): number {
  if (value >= -0x4000_0000 && value < 0x4000_0000) return writeVarint(bytes, at, value)
  if (!Number.isSafeInteger(value)) throw tooLarge(value)
  // Zig-zag doubles the number, which would leave the exact range; so the first group takes the sign and six bits of
  // the magnitude, and the rest is plain division.
  const magnitude = value < 0 ? -value - 1 : value
  bytes[at++] = ((magnitude % 0x40) << 1) | (value < 0 ? 1 : 0) | 0x80
  let rest = Math.floor(magnitude / 0x40)
  while (rest >= 0x80) {
    bytes[at++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  bytes[at++] = rest
  return at
}

/** Seven bits a byte, without a branch: the encoders ask three times a record. */
export function varintSize(value: number): number {
  return ((38 - Math.clz32(((value << 1) ^ (value >> 31)) | 1)) / 7) | 0
}

export function varlongSize(value: number): number {
  if (value >= -0x4000_0000 && value < 0x4000_0000) return varintSize(value)
  let size = 1
  for (let rest = Math.floor((value < 0 ? -value - 1 : value) / 0x40); rest > 0; rest = Math.floor(rest / 0x80)) size++
  return size
}

function readBigVarlong(bytes: Buffer, at: number): bigint {
  let value = 0n
  for (let group = 0; group < MAX_VARLONG_SIZE; group++) {
    const byte = bytes[at + group]!
    value |= BigInt(byte & 0x7f) << BigInt(7 * group)
    if (byte < 0x80) break
  }
  value = BigInt.asUintN(64, value)
  return (value & 1n) === 0n ? value >> 1n : -(value >> 1n) - 1n
}
