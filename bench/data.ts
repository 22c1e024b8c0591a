import { closeSync, openSync } from 'node:fs'
import { writeFully } from '../src/cli/bench/plain-file.ts'
import { Random } from '../src/cli/bench/random.ts'

const SEED = 20_110_111
const LETTERS = Buffer.from('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 /')
const LINES_A_BLOCK = 10_000

/** Writes `lines` lines of `size` bytes, newline included: the same bytes on every machine, and none that compress well. */
export function writeLines(path: string, lines: number, size: number): void {
  const random = new Random(SEED)
  const block = Buffer.allocUnsafeSlow(LINES_A_BLOCK * size)
  const fd = openSync(path, 'wx')
  try {
    for (let written = 0; written < lines; written += LINES_A_BLOCK) {
      const bytes = Math.min(LINES_A_BLOCK, lines - written) * size
      for (let at = 0; at < bytes; at += 5) putLetters(block, at, random.next())
      for (let at = size - 1; at < bytes; at += size) block[at] = 0x0a
      writeFully(fd, block, 0, bytes)
    }
  } finally {
    closeSync(fd)
  }
}

/** Five letters of 30 random bits. */
function putLetters(bytes: Buffer, at: number, bits: number): void {
  for (let i = 0; i < 5; i++) bytes[at + i] = LETTERS[(bits >>> (6 * i)) & 63]!
}
