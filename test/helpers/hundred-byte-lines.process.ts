// A process of its own: writes so many lines of 100 bytes to stdout, in blocks of 10,000, and their SHA-1 to stderr.
import { createHash } from 'node:crypto'
import { once } from 'node:events'

const LINES_PER_BLOCK = 10_000
const LINE = 'abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 the quick brown fox jumps over\n'
const total = Number(process.argv[2])
const hash = createHash('sha1')

/** Every line begins with its number in ten digits. */
function block(first: number, lines: number): Buffer {
  const bytes = Buffer.alloc(lines * 100, LINE.padStart(100, '.'))
  for (let i = 0; i < lines; i++) {
    for (let rest = first + i, at = i * 100 + 9; at >= i * 100; at--, rest = Math.floor(rest / 10)) {
      bytes[at] = 0x30 + (rest % 10)
    }
  }
  return bytes
}

for (let first = 0; first < total; first += LINES_PER_BLOCK) {
  const bytes = block(first, Math.min(LINES_PER_BLOCK, total - first))
  hash.update(bytes)
  if (!process.stdout.write(bytes)) await once(process.stdout, 'drain')
}
process.stderr.write(hash.digest('hex'))
