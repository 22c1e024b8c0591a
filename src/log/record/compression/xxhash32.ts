const PRIME_1 = 0x9e3779b1 | 0
const PRIME_2 = 0x85ebca77 | 0
const PRIME_3 = 0xc2b2ae3d | 0
const PRIME_4 = 0x27d4eb2f
const PRIME_5 = 0x165667b1
const STRIPE = 16

/** XXH32 of `bytes[start, end)` with seed 0, unsigned: the checksum of LZ4 frames. "abc" gives 32d153ff. */
export function xxhash32(bytes: Buffer, start: number, end: number): number {
  let at = start
  let hash = PRIME_5
  if (end - start >= STRIPE) {
    let lane1 = (PRIME_1 + PRIME_2) | 0
    let lane2 = PRIME_2
    let lane3 = 0
    let lane4 = -PRIME_1 | 0
    for (; end - at >= STRIPE; at += STRIPE) {
      lane1 = round(lane1, bytes.readInt32LE(at))
      lane2 = round(lane2, bytes.readInt32LE(at + 4))
      lane3 = round(lane3, bytes.readInt32LE(at + 8))
      lane4 = round(lane4, bytes.readInt32LE(at + 12))
    }
    hash = (rotate(lane1, 1) + rotate(lane2, 7) + rotate(lane3, 12) + rotate(lane4, 18)) | 0
  }
  hash = (hash + (end - start)) | 0
  for (; end - at >= 4; at += 4) {
    hash = Math.imul(rotate((hash + Math.imul(bytes.readInt32LE(at), PRIME_3)) | 0, 17), PRIME_4)
  }
  for (; at < end; at++) hash = Math.imul(rotate((hash + Math.imul(bytes[at]!, PRIME_5)) | 0, 11), PRIME_1)
  hash = Math.imul(hash ^ (hash >>> 15), PRIME_2)
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3)
  return (hash ^ (hash >>> 16)) >>> 0
}

function round(lane: number, word: number): number {
  return Math.imul(rotate((lane + Math.imul(word, PRIME_2)) | 0, 13), PRIME_1)
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}
