import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { StorageError } from '../errors.ts'
import { describeLockHolder } from './lock-holder.ts'
import { type LockMode, ofdHolderPid, ofdLockWaiting, ofdTryLock, ofdUnlock } from './posix.ts'

/** Bytes of a lock file, which need not exist; `length` 0 = to the end of all files. */
export interface LockRange {
  readonly start: number
  readonly length: number
}

/** `<dir>/.lock`: shared by every process that writes, for its life; a broker holds it exclusively. */
export const WHOLE: LockRange = { start: 0, length: 0 }
/** Byte 0 of a partition's `.lock`, and of `loglady.lock`: exclusive around one write. */
export const WRITE: LockRange = { start: 0, length: 1 }
/** Byte 1 of a partition's `.lock`: shared by each writer of the partition, for its life. */
export const WRITER_LIFE: LockRange = { start: 1, length: 1 }

export interface LockWaitOptions {
  /** After so long a wait `onWait` is told who holds the lock. Default 1000. */
  noteAfterMs?: number
}

/**
 * An open lock file: an empty file whose byte ranges processes lock, each range by itself. Nothing is ever written into it,
 * and nobody unlinks it but a broker its `.lock` (then `isSameFile` is false, and the lock guards a file that no one else sees:
 * open the path again). A lock dies with its process, so that none is ever stale.
 *
 * One object is one owner. Its own ranges never conflict with each other: locking a held range again succeeds and changes the
 * mode. Two objects of one path exclude each other, also within a process. Closing frees what it holds.
 *
 * The locks are advisory and of the kernel's open-file-description kind; Java's FileChannel locks exclude them and the other
 * way round.
 */
export class LockFile {
  readonly path: string
  readonly descriptor: number

  private constructor(path: string, descriptor: number) {
    this.path = path
    this.descriptor = descriptor
  }

  /** Makes the file if there is none, readable and writable by whom the umask says. Throws StorageError. */
  static open(path: string): LockFile {
    return new LockFile(path, openForLocking(path))
  }

  /** False: somebody holds a lock that conflicts. Throws StorageError if the file system has no locks. */
  tryLock(range: LockRange, mode: LockMode): boolean {
    return this.#guard('lock', () => ofdTryLock(this.descriptor, mode, range.start, range.length))
  }

  /**
   * Waits until the lock is had, on a thread and in the kernel's queue. `onWait` is called once, when the wait has lasted
   * `noteAfterMs`, with words for the holder: `process 4711 (java)`. Not to be called for one range twice at once, nor
   * closed meanwhile.
   *
   * Node has four threads for all its file work, and a wait takes one for as long as it lasts. So the waits stand in three
   * lines, one thread each: byte 0 of partitions, byte 0 of `loglady.lock`, and whatever is held for a process' life. Otherwise
   * a process that waits for four partitions could neither sync nor hear its input. A holder waits only for the lines behind its
   * own, as everybody locks in that order, so a line always moves on.
   */
  async lock(
    range: LockRange,
    mode: LockMode,
    onWait?: (holder: string) => void,
    { noteAfterMs = 1000 }: LockWaitOptions = {},
  ): Promise<void> {
    if (this.tryLock(range, mode)) return
    const note = onWait && setInterval(() => tellHolder(onWait), noteAfterMs)
    const tellHolder = (tell: (holder: string) => void) => {
      const holder = this.holder(range, mode)
      // Between two holders: look again later.
      if (holder === undefined) return
      clearInterval(note)
      tell(holder)
    }
    const isWrite = range.start === WRITE.start && range.length === WRITE.length
    try {
      await inLine(isWrite ? basename(this.path) : 'for life', async () => {
        if (this.tryLock(range, mode)) return
        await ofdLockWaiting(this.descriptor, mode, range.start, range.length)
      })
    } catch (error) {
      throw this.#failed('lock', error)
    } finally {
      clearInterval(note)
    }
  }

  /** Frees the range, held or not. */
  unlock(range: LockRange): void {
    this.#guard('unlock', () => ofdUnlock(this.descriptor, range.start, range.length))
  }

  /** Words for who holds a lock that conflicts with this one; undefined: nobody. */
  holder(range: LockRange, mode: LockMode): string | undefined {
    return this.#guard('look at the lock of', () => {
      const pid = ofdHolderPid(this.descriptor, mode, range.start, range.length)
      if (pid === undefined) return undefined
      return describeLockHolder(pid, this.#identity().ino, mode, range.start, range.length)
    })
  }

  /**
   * Whether the path still leads to the file that this object has open. Ask after locking, not before: whoever unlinks the file
   * holds it locked meanwhile.
   */
  isSameFile(): boolean {
    const held = this.#guard('look at', () => this.#identity())
    try {
      const found = statSync(this.path, { bigint: true })
      return found.dev === held.dev && found.ino === held.ino
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw this.#failed('look at', error)
    }
  }

  /**
   * Whether locks work here at all: a second opening of the file must be refused a range that this object holds, in whichever
   * mode. False on a file system that grants every lock (some FUSE and network ones).
   */
  selfTest(range: LockRange): boolean {
    const second = openForLocking(this.path)
    try {
      return this.#guard('test the lock of', () => !ofdTryLock(second, 'exclusive', range.start, range.length))
    } finally {
      closeSync(second)
    }
  }

  /** Frees every range. */
  close(): void {
    closeSync(this.descriptor)
  }

  #identity(): { dev: bigint; ino: bigint } {
    return fstatSync(this.descriptor, { bigint: true })
  }

  #guard<T>(verb: string, action: () => T): T {
    try {
      return action()
    } catch (error) {
      throw this.#failed(verb, error)
    }
  }

  #failed(verb: string, cause: unknown): StorageError {
    return new StorageError(`cannot ${verb} this file: ${(cause as Error).message}`, { path: this.path, cause })
  }
}

function openForLocking(path: string): number {
  try {
    // Both ways: a shared lock needs a readable descriptor, an exclusive one a writable.
    return openSync(path, constants.O_RDWR | constants.O_CREAT, 0o666)
  } catch (error) {
    throw new StorageError(`cannot open the lock file: ${(error as Error).message}`, { path, cause: error })
  }
}

const lines = new Map<string, Promise<void>>()

/** Runs `action` when all earlier ones of the same line have ended. */
async function inLine(line: string, action: () => Promise<void>): Promise<void> {
  const before = lines.get(line)
  const turn = before === undefined ? action() : before.then(action)
  // For those behind, an end is an end, also a failed one.
  const end = turn.catch(() => {})
  lines.set(line, end)
  try {
    await turn
  } finally {
    if (lines.get(line) === end) lines.delete(line)
  }
}
