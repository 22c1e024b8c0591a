/**
 * Files that are written whole: what is under the name is the old content or the new, never a part, at any moment of a
 * crash. The order that makes it so: temporary file → fsync → rename → fsync of the folder. A rename alone is not on the disk
 * until the folder is, and one that the disk has before the content leaves an empty file.
 */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, unlinkSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { AlreadyExistsError, StorageError, SyncFailedError } from '../errors.ts'
import { temporarySuffix } from './names.ts'

export interface DurableOptions {
  /** false: the order of the renames only. Right for what a reader can do without, as an older recovery point. */
  durable: boolean
}

/**
 * Puts `content` (text as UTF-8) under `path` in one step, by way of `<path>.tmp`. Two writers at once would share that name, so
 * the caller holds the lock that belongs to the file. Throws StorageError, or SyncFailedError; both leave the old content,
 * unless it was the fsync of the folder that failed: then the new one stands, and a power cut may bring back the old.
 */
export function replaceFile(path: string, content: string | Buffer, { durable }: DurableOptions): void {
  const temporaryPath = `${path}${temporarySuffix}`
  try {
    writeWhole(temporaryPath, 'w', content, durable)
    attempt('rename', path, () => renameSync(temporaryPath, path))
  } catch (error) {
    rmSync(temporaryPath, { force: true })
    throw error
  }
  if (durable) syncFolder(dirname(path))
}

/** Makes a file that must not exist yet: AlreadyExistsError. After a failed write there is none. */
export function writeNewFile(path: string, content: string | Buffer, { durable }: DurableOptions): void {
  try {
    writeWhole(path, 'wx', content, durable)
  } catch (error) {
    if (!(error instanceof AlreadyExistsError)) rmSync(path, { force: true })
    throw error
  }
  if (durable) syncFolder(dirname(path))
}

/** Removes a file; false: there was none. Then nothing is synced either. */
export function removeFile(path: string, { durable }: DurableOptions): boolean {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw new StorageError(`cannot remove: ${messageOf(error)}`, { path, cause: error })
  }
  if (durable) syncFolder(dirname(path))
  return true
}

/** Makes the names in a folder durable: files made, renamed and removed, not their content. */
export function syncFolder(path: string): void {
  const descriptor = attempt('open', path, () => openSync(path, 'r'))
  try {
    fsyncSync(descriptor)
  } catch (error) {
    // Some network and FUSE file systems have no fsync for folders and say so; names are their server's business.
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw syncFailed(path, error)
  } finally {
    closeSync(descriptor)
  }
}

function writeWhole(path: string, flags: 'w' | 'wx', content: string | Buffer, durable: boolean): void {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  const descriptor = attempt('create', path, () => openSync(path, flags))
  try {
    attempt('write', path, () => {
      // A write may be short, on a full disk for one; the next then gives the error.
      for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done, bytes.length - done, done)
    })
    if (durable) {
      try {
        fsyncSync(descriptor)
      } catch (error) {
        throw syncFailed(path, error)
      }
    }
  } finally {
    closeSync(descriptor)
  }
}

function attempt<T>(verb: string, path: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    if (verb === 'create' && (error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new AlreadyExistsError('exists already', { path, cause: error })
    }
    throw new StorageError(`cannot ${verb}: ${messageOf(error)}`, { path, cause: error })
  }
}

function syncFailed(path: string, cause: unknown): SyncFailedError {
  return new SyncFailedError(`sync failed: ${messageOf(cause)}`, { path, cause })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
