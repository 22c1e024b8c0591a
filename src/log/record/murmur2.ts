/** Of the hash's inventor, but for the seed, which is Kafka's. */
const MULTIPLIER = 0x5bd1e995
const SEED = 0x9747b28c

/**
 * The 32-bit murmur2 of `bytes[start, end)` as Kafka's Java clients compute it (Utils.murmur2), a signed number: words of
 * four bytes, little-endian; "foobar" gives -790332482.
 */
export function murmur2(bytes: Buffer, start = 0, end = bytes.length): number {
  const length = end - start
  const wordsEnd = start + (length & ~3)
  let hash = SEED ^ length
  for (let at = start; at < wordsEnd; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    word = Math.imul(word, MULTIPLIER)
    word ^= word >>> 24
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER)
  }
  const rest = length & 3
  if (rest > 0) {
    if (rest > 2) hash ^= bytes[wordsEnd + 2]! << 16
    if (rest > 1) hash ^= bytes[wordsEnd + 1]! << 8
    hash = Math.imul(hash ^ bytes[wordsEnd]!, MULTIPLIER)
  }
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER)
  return hash ^ (hash >>> 15)
}

/**
 * The partition of a key that is not null (an empty one is a key too), so that equal keys meet whether a Java client or
 * loglady wrote them. The sign bit is dropped, not negated.
 */
export function partitionForKey(bytes: Buffer, start: number, end: number, partitionCount: number): number {
  return (murmur2(bytes, start, end) & 0x7fff_ffff) % partitionCount
}
