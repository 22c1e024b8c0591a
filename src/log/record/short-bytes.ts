/**
 * Searching and copying for spans so short that a call into native code costs more than the work. Measured on 100-byte
 * lines (Node 26, ns each): Buffer.copy 30, eight bytes a step by two 32-bit words 17; Buffer.indexOf 25 at any length up
 * to some hundred, four bytes a step 7 at 20 bytes, 12 at 50, 22 at 100. 64-bit words through getBigInt64 would copy in 11,
 * but Node 22 makes a bigint of each (250 a record instead of 65). Floats are out: they may change the payload of a NaN.
 *
 * Words are read through a DataView, which needs no alignment; both byte orders give the same result, little-endian is
 * the one that needs no swap.
 */

/**
 * Above this Buffer.copy and Buffer.indexOf win. On Node 22, whose calls into native code cost half, that is already so at
 * some 50 bytes (100 bytes: native 14 + 14, words 23 + 43).
 */
export const SHORT = 128
/** `copyShort` writes up to this many bytes behind the span: whoever owns the target leaves them free. */
export const COPY_SLACK = 8

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * Copies `length` bytes in steps of eight, so that up to seven more change behind the target and are read behind the
 * source; both must be inside the views (`fitsShortCopy`).
 */
export function copyShort(target: DataView, at: number, source: DataView, from: number, length: number): void {
  for (let done = 0; done < length; done += 8) {
    target.setInt32(at + done, source.getInt32(from + done, true), true)
    target.setInt32(at + done + 4, source.getInt32(from + done + 4, true), true)
  }
}

export function fitsShortCopy(from: number, length: number, sourceSize: number): boolean {
  return length <= SHORT && from + length + 7 <= sourceSize
}

/** The byte in all four bytes of a word, for `findShort`. */
export function bytePattern(byte: number): number {
  return Math.imul(byte, 0x0101_0101)
}

/**
 * The first position in `[from, to)` of the byte that `pattern` repeats, or -1; the last up to three bytes before `to` are
 * not looked at. Four bytes a step: a byte of `word` is zero where the byte was found, and subtracting one from it borrows
 * from its high bit. (Bytes above the first zero one may be marked wrongly, bytes below never.)
 */
export function findShort(view: DataView, pattern: number, from: number, to: number): number {
  for (let at = from; at + 4 <= to; at += 4) {
    const word = view.getInt32(at, true) ^ pattern
    const marks = (word - 0x0101_0101) & ~word & 0x8080_8080
    if (marks !== 0) return at + ((31 - Math.clz32(marks & -marks)) >>> 3)
  }
  return -1
}
