import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { NotFoundError, StorageError } from '../errors.ts'

/**
 * The files of one segment as they are called right now. A reader beside a broker that was killed in mid-compaction may
 * have to read `<base>.log.swap`, so paths are never put together from the base offset where a listing is at hand.
 */
export interface SegmentFiles {
  readonly baseOffset: number
  readonly folder: string
  readonly logPath: string
  readonly indexPath?: string
  readonly timeIndexPath?: string
  readonly transactionIndexPath?: string
}

export interface SegmentFileNames {
  baseOffset: number
  log: string
  index?: string
  timeindex?: string
  txnindex?: string
}

export function segmentFiles(folder: string, names: SegmentFileNames): SegmentFiles {
  return {
    baseOffset: names.baseOffset,
    folder,
    logPath: join(folder, names.log),
    ...(names.index !== undefined && { indexPath: join(folder, names.index) }),
    ...(names.timeindex !== undefined && { timeIndexPath: join(folder, names.timeindex) }),
    ...(names.txnindex !== undefined && { transactionIndexPath: join(folder, names.txnindex) }),
  }
}

/** Opens a file of a segment; NotFoundError when it is gone, which beside a live writer means that retention took it. */
export function openSegmentFile(path: string, flags: 'r' | 'r+'): number {
  try {
    return openSync(path, flags)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new NotFoundError('no such file', { path, cause })
    throw new StorageError(`cannot open: ${message}`, { path, cause })
  }
}

/** For `finally`: a descriptor that cannot be closed must not hide the error that led there. */
export function closeQuietly(fd: number): void {
  try {
    closeSync(fd)
  } catch {}
}
