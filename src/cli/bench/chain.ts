/**
 * The payload of a benchmark's record: text without a newline that tells which record it is and which one stands before
 * it, so that whoever reads it back can tell what was lost, doubled, moved or changed.
 *
 *     0000002a 1f0c9b52d77e3a40 the rest, up to the record's size
 *     |        |                `- body
 *     |        `- 16 hex digits: hash over the digits of the record before it, its own sequence number and its body
 *     `- 8 hex digits: sequence number, from 0          (no blanks in between)
 *
 * Records of fewer than 24 bytes are nothing but as many digits of the hash as fit: enough to see that something is
 * wrong, too little to say what. The idea of the chain is that of s2's bench.
 */
export const SEQUENCE_DIGITS = 8
export const HASH_DIGITS = 16
export const HEAD_BYTES = SEQUENCE_DIGITS + HASH_DIGITS
export const MAX_RECORDS = 2 ** (4 * SEQUENCE_DIGITS)

const DIGITS = Buffer.from('0123456789abcdef', 'latin1')
const valueOfDigit = new Int8Array(256).fill(-1)
for (const [value, digit] of DIGITS.entries()) valueOfDigit[digit] = value

/** The hash of one record after the other. It is no protection against anybody, only against accidents. */
export class ChainHash {
  /** The 64 bits of the last hash. */
  high = 0
  low = 0

  /** Takes in the next record: its number and its body in `bytes[start, end)`. */
  next(sequence: number, bytes: Buffer, start: number, end: number): void {
    let a = mixed(this.high ^ sequence)
    let b = mixed(this.low + 0x9e3779b9)
    let at = start
    for (; at + 4 <= end; at += 4) {
      const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
      a = Math.imul(rotated(a ^ word, 13), 0x9e3779b1)
      b = Math.imul(rotated(b ^ a, 17), 0x85ebca77)
    }
    for (; at < end; at++) {
      a = Math.imul(rotated(a ^ bytes[at]!, 13), 0x9e3779b1)
      b = Math.imul(rotated(b ^ a, 17), 0x85ebca77)
    }
    this.low = mixed(b ^ (end - start))
    this.high = mixed(a + this.low)
  }

  /** Writes the first `count` of the hash's digits, and goes on with only those in mind, as a reader has no others. */
  putDigits(bytes: Buffer, at: number, count: number): void {
    for (let i = 0; i < count; i++) bytes[at + i] = DIGITS[nibble(this.high, this.low, i)]!
    this.keep(count)
  }

  /** Whether these are the first `count` digits of the hash. */
  hasDigits(bytes: Buffer, at: number, count: number): boolean {
    for (let i = 0; i < count; i++) if (bytes[at + i] !== DIGITS[nibble(this.high, this.low, i)]) return false
    return true
  }

  /** Forgets all digits but the first `count`. */
  keep(count: number): void {
    if (count < 8) this.high &= count === 0 ? 0 : -1 << (32 - 4 * count)
    if (count < 16) this.low &= count <= 8 ? 0 : -1 << (64 - 4 * count)
  }

  /** Goes on from what the record at `at` says its hash is. False: those are no digits. */
  resume(bytes: Buffer, at: number): boolean {
    const high = readHex(bytes, at, 8)
    const low = readHex(bytes, at + 8, 8)
    if (high < 0 || low < 0) return false
    this.high = high | 0
    this.low = low | 0
    return true
  }
}

/** Fills in the head of the record in `bytes[start, end)`, whose body is there already. */
export function putHead(hash: ChainHash, sequence: number, bytes: Buffer, start: number, end: number): void {
  const size = end - start
  if (size < HEAD_BYTES) {
    hash.next(sequence, bytes, start, start)
    hash.putDigits(bytes, start, Math.min(size, HASH_DIGITS))
    return
  }
  hash.next(sequence, bytes, start + HEAD_BYTES, end)
  putHex(bytes, start, sequence, SEQUENCE_DIGITS)
  hash.putDigits(bytes, start + SEQUENCE_DIGITS, HASH_DIGITS)
}

function putHex(bytes: Buffer, at: number, value: number, count: number): void {
  for (let i = count - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 16)) bytes[at + i] = DIGITS[rest % 16]!
}

/** -1: no hex digits. */
export function readHex(bytes: Buffer, at: number, count: number): number {
  let value = 0
  for (let i = 0; i < count; i++) {
    const digit = valueOfDigit[bytes[at + i]!]!
    if (digit < 0) return -1
    value = value * 16 + digit
  }
  return value
}

function nibble(high: number, low: number, index: number): number {
  return index < 8 ? (high >>> (28 - 4 * index)) & 15 : (low >>> (60 - 4 * index)) & 15
}

function rotated(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}

/** Each bit of the result depends on each bit of the value. */
function mixed(value: number): number {
  let result = Math.imul(value ^ (value >>> 16), 0x7feb352d)
  result = Math.imul(result ^ (result >>> 15), 0x846ca68b)
  return result ^ (result >>> 16)
}
