/**
 * `unsynced` in a partition's folder: an fsync of this partition failed, and from the byte that it names on nothing may be
 * trusted, though it reads back well: after such a failure the kernel calls the pages clean, and the disk may lack them. The
 * next writer writes those bytes again, syncs, and removes the mark, before it appends.
 *
 * ```
 * 0\n                           version
 * 1000 65536\n                  base offset of the segment, first byte in doubt in its .log
 * ```
 *
 * Everything behind that byte is in doubt too: later bytes of that .log, and later segments. Plain text without an ending that
 * Kafka knows, so a broker leaves it alone. Write and remove it under byte 0 of the partition's lock.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CorruptFileError, StorageError, SyncFailedError } from '../errors.ts'
import { removeFile, replaceFile } from './durable.ts'
import { unsyncedMarkFile } from './names.ts'

export interface UnsyncedMark {
  baseOffset: number
  /** First byte in doubt, in the `.log` of that base offset. */
  position: number
}

/** undefined: no mark. CorruptFileError: there is one, and what it says is lost; then all from the recovery point on is in doubt. */
export function readUnsyncedMark(folder: string): UnsyncedMark | undefined {
  const path = join(folder, unsyncedMarkFile)
  let text: string
  try {
    text = readFileSync(path, 'latin1')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new StorageError(`cannot read: ${(error as Error).message}`, { path, cause: error })
  }
  const match = /^0\n(\d{1,16}) (\d{1,16})\n$/.exec(text)
  const mark = { baseOffset: Number(match?.[1]), position: Number(match?.[2]) }
  if (!Number.isSafeInteger(mark.baseOffset) || !Number.isSafeInteger(mark.position)) {
    throw new CorruptFileError(
      `not a mark of unsynced bytes, expected "0", a base offset and a byte, found ${quote(text)}`,
      {
        path,
      },
    )
  }
  return mark
}

/**
 * Leaves the mark, or moves an existing one down; one that lies lower already stays. Returns false when the mark stands but could
 * not be synced: the next writer will see it unless the machine stops first, and then recovery reads what the disk has.
 */
export function writeUnsyncedMark(folder: string, mark: UnsyncedMark): boolean {
  const path = join(folder, unsyncedMarkFile)
  const lowest = lowerOf(mark, markOrUndefined(folder))
  const text = `0\n${lowest.baseOffset} ${lowest.position}\n`
  try {
    replaceFile(path, text, { durable: true })
    return true
  } catch (error) {
    if (!(error instanceof SyncFailedError)) throw error
    // The disk that failed the data is likely to fail the mark too; the memory of this machine is what it speaks of.
    replaceFile(path, text, { durable: false })
    return false
  }
}

/** After everything that it names was written again and synced. */
export function removeUnsyncedMark(folder: string): void {
  removeFile(join(folder, unsyncedMarkFile), { durable: true })
}

function lowerOf(mark: UnsyncedMark, other: UnsyncedMark | undefined): UnsyncedMark {
  if (other === undefined) return mark
  const isLower =
    other.baseOffset < mark.baseOffset || (other.baseOffset === mark.baseOffset && other.position < mark.position)
  return isLower ? other : mark
}

function markOrUndefined(folder: string): UnsyncedMark | undefined {
  try {
    return readUnsyncedMark(folder)
  } catch (error) {
    if (error instanceof CorruptFileError) return undefined
    throw error
  }
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
}
