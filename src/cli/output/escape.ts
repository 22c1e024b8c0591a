import { utf8SequenceLength } from './utf8.ts'

const HEX = '0123456789abcdef'

/** How much longer escaping can make a piece of data: one byte becomes `\xNN`. */
export const MAX_ESCAPE_GROWTH = 4

/**
 * Copies `bytes[start, end)` to `out` at `at`, with every byte that a terminal would act on or could not show written as
 * `\xNN`: control characters (C0, DEL, and C1, which some terminals obey in UTF-8 too) and what is no UTF-8. A record
 * must not be able to move the cursor, retitle the window or answer a query of the terminal. Tab and line feed stay.
 * Returns the position behind the last byte written; `out` needs room for four times the input.
 */
export function writeEscaped(out: Buffer, at: number, bytes: Buffer, start: number, end: number): number {
  for (let i = start; i < end; ) {
    const byte = bytes[i]!
    const length = byte < 0x80 ? (isPrintableAscii(byte) ? 1 : 0) : printableLength(bytes, i, end)
    if (length === 0) {
      out[at++] = 0x5c
      out[at++] = 0x78
      out[at++] = HEX.charCodeAt(byte >> 4)
      out[at++] = HEX.charCodeAt(byte & 0x0f)
      i++
      continue
    }
    for (const stop = i + length; i < stop; i++) out[at++] = bytes[i]!
  }
  return at
}

function isPrintableAscii(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a
}

function printableLength(bytes: Buffer, at: number, end: number): number {
  // U+0080 to U+009F are c2 80 to c2 9f.
  if (bytes[at] === 0xc2 && at + 1 < end && bytes[at + 1]! < 0xa0) return 0
  return utf8SequenceLength(bytes, at, end)
}
