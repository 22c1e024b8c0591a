import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { CorruptFileError, StorageError } from '../errors.ts'

/**
 * Far above any file that is read whole: a recovery point checkpoint has some 30 bytes a partition, so this is two million
 * partitions. What is larger is not what its name says, and is not loaded to find that out.
 */
const DEFAULT_LIMIT = 64 * 1024 * 1024

/** All bytes of a small file; undefined if there is none. Above `limit` bytes: CorruptFileError. */
export function readWholeFile(path: string, limit = DEFAULT_LIMIT): Buffer | undefined {
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, 'r')
    const { size } = fstatSync(descriptor)
    if (size > limit) throw new CorruptFileError(`the file has ${size} bytes, expected at most ${limit}`, { path })
    return readFileSync(descriptor)
  } catch (cause) {
    if (cause instanceof CorruptFileError) throw cause
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new StorageError(`cannot read the file: ${(cause as Error).message}`, { path, cause })
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}
