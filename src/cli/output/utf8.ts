/**
 * The length in bytes (1 to 4) of the UTF-8 sequence at `at`, or 0 if what stands there before `end` is none: a stray
 * continuation byte, an overlong form, a surrogate, beyond U+10FFFF, or cut off (RFC 3629, section 4).
 */
export function utf8SequenceLength(bytes: Buffer, at: number, end: number): number {
  const lead = bytes[at]!
  if (lead < 0x80) return 1
  if (lead < 0xc2 || lead > 0xf4 || at + 1 >= end) return 0
  const second = bytes[at + 1]!
  if (lead < 0xe0) return isContinuation(second) ? 2 : 0
  if (at + 2 >= end || !isContinuation(bytes[at + 2]!)) return 0
  if (lead < 0xf0) {
    const low = lead === 0xe0 ? 0xa0 : 0x80
    const high = lead === 0xed ? 0x9f : 0xbf
    return second >= low && second <= high ? 3 : 0
  }
  const low = lead === 0xf0 ? 0x90 : 0x80
  const high = lead === 0xf4 ? 0x8f : 0xbf
  return second >= low && second <= high && at + 3 < end && isContinuation(bytes[at + 3]!) ? 4 : 0
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80
}
