import { readSync } from 'node:fs'
import { StorageError } from '../errors.ts'

/** Reads up to `length` bytes, fewer only at the end of the file. Throws StorageError with path and position. */
export function readFully(
  fd: number,
  path: string,
  bytes: Buffer,
  at: number,
  position: number,
  length: number,
): number {
  // An index that lies can name a negative byte, and Node would take that for "where the file stands".
  if (position < 0) return 0
  let total = 0
  try {
    while (total < length) {
      const read = readSync(fd, bytes, at + total, length - total, position + total)
      if (read === 0) break
      total += read
    }
  } catch (cause) {
    throw new StorageError(`cannot read: ${(cause as Error).message}`, { path, position: position + total, cause })
  }
  return total
}
