/**
 * Below this many bytes a loop is cheaper than the call of `copy`, which costs about 40 ns before it has moved one byte.
 */
const SHORT_COPY_BYTES = 32
const TEN_MILLION = 10_000_000

/** Copies `bytes[start, end)` to `out` at `at` and returns the position behind it. */
export function writeBytes(out: Buffer, at: number, bytes: Buffer, start: number, end: number): number {
  if (end - start > SHORT_COPY_BYTES) {
    bytes.copy(out, at, start, end)
    return at + end - start
  }
  for (let i = start; i < end; i++) out[at++] = bytes[i]!
  return at
}

/** The most bytes that a whole number below 2^53 takes, with its sign. */
export const MAX_DECIMAL_BYTES = 17

/** Writes a whole number below 2^53 in decimal and returns the position behind it. */
export function writeDecimal(out: Buffer, at: number, value: number): number {
  if (value < 0) {
    out[at++] = 0x2d
    value = -value
  }
  if (value < TEN_MILLION) return writeSmallDecimal(out, at, value | 0)
  // Pieces of seven digits fit an int32, whose division is several times faster than that of a double.
  const high = Math.floor(value / TEN_MILLION)
  at = writeDecimal(out, at, high)
  let rest = (value - high * TEN_MILLION) | 0
  for (let i = at + 6; i >= at; i--) {
    const tenth = (rest / 10) | 0
    out[i] = 0x30 + rest - tenth * 10
    rest = tenth
  }
  return at + 7
}

function writeSmallDecimal(out: Buffer, at: number, value: number): number {
  let digits = 1
  for (let limit = 10; value >= limit; limit *= 10) digits++
  for (let i = at + digits - 1; i >= at; i--) {
    const tenth = (value / 10) | 0
    out[i] = 0x30 + value - tenth * 10
    value = tenth
  }
  return at + digits
}
