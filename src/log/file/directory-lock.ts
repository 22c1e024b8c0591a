import { join } from 'node:path'
import { LockFile, WRITE } from './lock-file.ts'
import { logladyLockFile } from './names.ts'

/** Called once if the lock has not come after a second, with what is known of its holder. */
export type OnWait = (holder: string) => void

/**
 * Runs `work` under byte 0 of `<directory>/loglady.lock`, held exclusively: the lock for every change of a file of the
 * directory itself (checkpoints, topics, groups). Short by rule: read the file again, change it, replace it, and never wait
 * for anything else in there. It is the last lock in the order, so it may be taken while those of partitions are held, and
 * none of those inside it.
 *
 * Each call has a descriptor of its own and so excludes other calls of this process too; a call inside `work` would wait
 * for itself. `work` does its I/O synchronously where it can: a waiting call may have one of Node's four threads. Who holds the lock already uses the functions that say so (`changeOffsetCheckpoint`, `writeTopicsFile`).
 */
export async function withDirectoryLock<T>(directory: string, work: () => T | Promise<T>, onWait?: OnWait): Promise<T> {
  const lock = LockFile.open(join(directory, logladyLockFile))
  try {
    await lock.lock(WRITE, 'exclusive', onWait)
    return await work()
  } finally {
    lock.close()
  }
}
