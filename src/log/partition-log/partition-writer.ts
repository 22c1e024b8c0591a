import { join } from 'node:path'
import { InvalidArgumentError, LogladyError, StorageError, SyncFailedError } from '../errors.ts'
import { removeCleanShutdownMark } from '../file/clean-shutdown.ts'
import { withDirectoryLock } from '../file/directory-lock.ts'
import { syncFolder } from '../file/durable.ts'
import { lastLeaderEpoch, readLeaderEpochs } from '../file/leader-epoch-checkpoint.ts'
import { LockFile, WRITE, WRITER_LIFE } from '../file/lock-file.ts'
import { leaderEpochCheckpointFile, partitionLockFile, recoveryPointCheckpointFile } from '../file/names.ts'
import { changeOffsetCheckpoint, partitionKey } from '../file/offset-checkpoint.ts'
import { stampBatch } from '../record/batch-builder.ts'
import { BatchHeader } from '../record/batch-header.ts'
import { ActiveSegment, type SegmentConfig } from '../segment/active-segment.ts'
import type { PartitionFiles } from './partition-files.ts'
import {
  type CheckedLog,
  checkFromRecoveryPoint,
  describeCut,
  leaveUnsyncedMark,
  recoverUnderLock,
} from './recovery.ts'

export interface WriterOptions extends SegmentConfig {
  /** Told what opening had to cut, and who is waited for. */
  onNote?: (note: string) => void
}

/** Between two raises of the recovery point; what a crash then costs is the check of what was written in this time. */
const RECOVERY_POINT_INTERVAL_MS = 5000

/**
 * One process' way to append to one partition, beside any number of others (protocol.md has the rules, and why).
 *
 * Opening takes byte 1 of the partition's lock for life, checks the log from the recovery point on, and cuts what a dead
 * writer left. Each append holds byte 0: look at what others did, stamp the offsets, write, add index entries. Syncs are
 * outside the lock. After a failed write or sync the writer is done for: every further call throws the same error.
 *
 * Calls must not overlap, but for `sync`, which may run beside appends and covers what was written before it began.
 */
export class PartitionWriter {
  readonly #files: PartitionFiles
  readonly #options: WriterOptions
  readonly #lock: LockFile
  readonly #leaderEpoch: number
  readonly #header = new BatchHeader()
  #segment!: ActiveSegment
  #failure: LogladyError | undefined
  #syncedOffset = -1
  #syncedPosition = 0
  #raisedTo = -1
  #raisedAt = Date.now()
  #rolls = 0

  private constructor(files: PartitionFiles, options: WriterOptions, lock: LockFile) {
    this.#files = files
    this.#options = options
    this.#lock = lock
    const epochs = readLeaderEpochs(join(files.folder, leaderEpochCheckpointFile)) ?? []
    // Own partitions are made with epoch 0; a broker's keep its last one (kafka-format.md 4.4).
    this.#leaderEpoch = Math.max(0, lastLeaderEpoch(epochs))
  }

  /**
   * Throws CorruptLogError at damage below the recovery point, StorageError where the file system has no locks.
   * The caller holds `<dir>/.lock` shared.
   */
  static async open(files: PartitionFiles, options: WriterOptions): Promise<PartitionWriter> {
    const lock = await lockForLife(files, options)
    try {
      if (!lock.selfTest(WRITER_LIFE)) {
        throw new StorageError('this file system grants every lock, so writers cannot exclude each other', {
          path: lock.path,
          hint: 'keep the data directory on a local file system',
        })
      }
      const writer = new PartitionWriter(files, options, lock)
      await writer.#open()
      return writer
    } catch (error) {
      lock.close()
      throw error
    }
  }

  /** Offset that the next record gets, as far as this process knows. */
  get nextOffset(): number {
    return this.#segment.nextOffset
  }

  /** Rolls that this process made. */
  get rolls(): number {
    return this.#rolls
  }

  async #open(): Promise<void> {
    const checked = checkFromRecoveryPoint(this.#files)
    await this.#underLock(() => {
      removeCleanShutdownMark(this.#files.directory)
      this.#recover(checked)
    })
  }

  #recover(checked: CheckedLog | undefined): void {
    const { folder } = this.#files
    const recovered = recoverUnderLock(this.#files, checked)
    if (recovered.cut !== undefined) this.#options.onNote?.(describeCut(recovered.cut))
    const { end, segment } = recovered
    if (segment === undefined) {
      this.#segment = ActiveSegment.create(folder, end.nextOffset, this.#options)
      syncFolder(folder)
    } else {
      this.#segment = ActiveSegment.open(folder, segment.baseOffset, this.#options, end)
    }
    this.#syncedOffset = end.nextOffset
    this.#syncedPosition = end.position
  }

  /**
   * Appends a chain of batches, written with any base offsets: this stamps the real ones and the leader epoch, in place.
   * Returns the offsets that they got. When it rolls in between, they are dense all the same.
   */
  async append(batches: Buffer): Promise<{ baseOffset: number; lastOffset: number }> {
    return this.#underLock(async () => {
      await this.#catchUp()
      const baseOffset = this.#segment.nextOffset
      await this.#write(batches)
      return { baseOffset, lastOffset: this.#segment.nextOffset - 1 }
    })
  }

  async #underLock<T>(action: () => T | Promise<T>): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure
    await this.#lock.lock(WRITE, 'exclusive', holder => this.#options.onNote?.(waiting(this.#files, holder)))
    try {
      // A sync may have failed while the lock was waited for.
      if (this.#failure !== undefined) throw this.#failure
      return await action()
    } catch (error) {
      if (error !== this.#failure) this.#failure = this.#fail(error, this.#segment)
      throw this.#failure
    } finally {
      this.#lock.unlock(WRITE)
    }
  }

  /** Goes to where the log ends now, whoever brought it there. */
  async #catchUp(): Promise<void> {
    if (!this.#segment.isCurrent()) this.#reopen()
    for (;;) {
      const cut = this.#segment.catchUp()
      if (cut > 0) {
        this.#options.onNote?.(`cut ${cut} bytes that a dead writer left behind ${this.#segment.logPath}`)
      }
      if (!this.#segment.successorExists()) break
      await this.#follow()
    }
    this.#segment.mendIndexes()
  }

  /** Another writer rolled. What we wrote into the old segment must be durable before anything in the new one is acknowledged. */
  async #follow(): Promise<void> {
    const old = this.#segment
    const { folder } = this.#files
    if (old.isDirty) old.syncNow()
    const begun = ActiveSegment.begunSince(folder, old.nextOffset)
    const next = ActiveSegment.follow(folder, begun.at(-1)!, this.#options)
    try {
      // Whoever rolled died before the first batch, and how far the steps of the roll had come nobody knows.
      if (next.isEmpty()) await this.#sealAgain(old, begun.at(-2))
    } catch (error) {
      next.close()
      throw error
    }
    this.#segment = next
    this.#syncedPosition = 0
    this.#syncedOffset = next.baseOffset
    old.close()
  }

  async #sealAgain(old: ActiveSegment, baseOffset: number | undefined): Promise<void> {
    const { folder } = this.#files
    const segment = baseOffset === undefined ? old : ActiveSegment.follow(folder, baseOffset, this.#options)
    try {
      await seal(segment)
      syncFolder(folder)
    } finally {
      if (segment !== old) segment.close()
    }
  }

  /** Somebody replaced an index, or cut or replaced the log, under the rules that allow it. */
  #reopen(): void {
    const old = this.#segment
    if (old.isDirty) old.syncNow()
    this.#recover(checkFromRecoveryPoint(this.#files))
    old.close()
  }

  async #write(batches: Buffer): Promise<void> {
    const header = this.#header
    let start = 0
    let at = 0
    let offset = this.#segment.nextOffset
    // Size that the segment will have once the batches from `start` on are written.
    let pending = 0
    for (; at < batches.length; at += header.sizeInBytes) {
      if (header.read(batches, at, batches.length) !== 'whole') throw new TypeError(`no batch at byte ${at}`)
      const { sizeInBytes } = header
      if (sizeInBytes > this.#options.segmentBytes) throw tooLarge(sizeInBytes, this.#options.segmentBytes)
      const lastOffset = offset + header.lastOffset - header.baseOffset
      if (this.#mustRoll(pending, sizeInBytes, lastOffset, header.maxTimestamp)) {
        if (at > start) await this.#segment.append(batches, start, at)
        start = at
        pending = 0
        // What was just written may have filled the segment, or the batch may be the first of an empty one.
        if (this.#mustRoll(0, sizeInBytes, lastOffset, header.maxTimestamp)) await this.#roll()
      }
      stampBatch(batches, at, offset, this.#leaderEpoch)
      pending += sizeInBytes
      offset = lastOffset + 1
    }
    if (at > start) await this.#segment.append(batches, start, at)
  }

  #mustRoll(pending: number, batchBytes: number, lastOffset: number, maxTimestamp: number): boolean {
    return this.#segment.mustRollFor(pending, batchBytes, lastOffset, maxTimestamp)
  }

  /** The order is the protocol's: the old files durable, the new names durable, only then a batch. */
  async #roll(): Promise<void> {
    const { folder } = this.#files
    const old = this.#segment
    await seal(old)
    const next = ActiveSegment.create(folder, old.nextOffset, this.#options)
    try {
      syncFolder(folder)
    } catch (error) {
      next.close()
      throw error
    }
    this.#segment = next
    old.close()
    this.#rolls++
    this.#syncedPosition = 0
    this.#syncedOffset = next.baseOffset
  }

  /**
   * fdatasync, outside the lock, of everything that was written before the call, by us or by others into this file; earlier
   * segments are durable since their roll. Returns the offset below which everything is durable.
   */
  async sync(): Promise<number> {
    if (this.#failure !== undefined) throw this.#failure
    const segment = this.#segment
    const { nextOffset, size } = segment
    // Without bytes of our own nothing is promised: what others added meanwhile is known, but not synced.
    if (segment.isDirty) {
      try {
        await segment.sync()
      } catch (error) {
        throw await this.#failUnlocked(error, segment)
      }
      this.#syncedOffset = Math.max(this.#syncedOffset, nextOffset)
      if (segment === this.#segment) this.#syncedPosition = Math.max(this.#syncedPosition, size)
    }
    if (Date.now() - this.#raisedAt >= RECOVERY_POINT_INTERVAL_MS) await this.#raiseRecoveryPoint()
    return this.#syncedOffset
  }

  /** Never below what it is: another writer may have synced more. */
  async #raiseRecoveryPoint(): Promise<void> {
    this.#raisedAt = Date.now()
    if (this.#syncedOffset <= this.#raisedTo) return
    this.#raisedTo = this.#syncedOffset
    const { directory, topic, partition } = this.#files
    const key = partitionKey(topic, partition)
    const change = (offsets: ReadonlyMap<string, number>) =>
      new Map([[key, Math.max(offsets.get(key) ?? 0, this.#raisedTo)]])
    await withDirectoryLock(directory, () =>
      changeOffsetCheckpoint(directory, recoveryPointCheckpointFile, change, {
        durable: false,
        // It counts as empty, for us as for a broker: opening then checks more than it must.
        onUnreadable: error => this.#options.onNote?.(`${error.describe()}: replaced`),
      }),
    )
  }

  /** A sync outside the lock failed: the mark needs the lock, so that no recovery removes it unseen. */
  async #failUnlocked(error: unknown, segment: ActiveSegment): Promise<LogladyError> {
    // At once, for an append that waits for the lock. That one has our descriptor, so the lock is taken by another.
    this.#failure = asStorageError(error, segment.logPath)
    const lock = LockFile.open(this.#lock.path)
    try {
      await lock.lock(WRITE, 'exclusive', holder => this.#options.onNote?.(waiting(this.#files, holder)))
      this.#failure = this.#fail(error, segment)
      return this.#failure
    } finally {
      lock.close()
    }
  }

  /**
   * What everybody is told from now on: the error, and the offsets that are safe. After a failed sync it also leaves the mark,
   * for which the lock must be held.
   */
  #fail(cause: unknown, segment: ActiveSegment | undefined): LogladyError {
    const error = asStorageError(cause, this.#files.folder)
    const isSync = error instanceof SyncFailedError
    // While it opens there is nothing of ours yet; recovery leaves its own mark.
    if (segment === undefined || !(isSync || error instanceof StorageError)) return error
    // An older segment whose sync failed late: how far the earlier ones came is forgotten, so all of it is in doubt.
    const isCurrent = segment === this.#segment
    const safe = isCurrent ? this.#syncedOffset : segment.baseOffset
    const mark = { baseOffset: segment.baseOffset, position: isCurrent ? this.#syncedPosition : 0 }
    const left = isSync ? leaveUnsyncedMark(this.#files.folder, mark) : ''
    const message = `${error.message}; offsets below ${safe} are safe${left}`
    const { path, position, hint } = error
    const details = { ...(path && { path }), ...(position !== undefined && { position }), ...(hint && { hint }), cause }
    return isSync ? new SyncFailedError(message, details) : new StorageError(message, details)
  }

  /**
   * A clean end: the final time entry, and the recovery point as far as synced, by recovery too. It syncs nothing itself:
   * whoever promised durability has called `sync`. After a failure it only lets go.
   */
  async close(): Promise<void> {
    try {
      if (this.#failure === undefined) {
        await this.#underLock(async () => {
          await this.#catchUp()
          this.#segment.writeForcedTimeEntry()
        })
        await this.#raiseRecoveryPoint()
      }
    } finally {
      this.#segment.close()
      this.#lock.close()
    }
  }
}

function waiting(files: PartitionFiles, holder: string): string {
  return `waiting for the lock of ${files.topic}/${files.partition}, held by ${holder}`
}

function tooLarge(bytes: number, segmentBytes: number): InvalidArgumentError {
  return new InvalidArgumentError(`a batch of ${bytes} bytes does not fit into a segment of ${segmentBytes}`, {
    hint: 'raise segment.bytes with `loglady topics alter`',
  })
}

function asStorageError(error: unknown, path: string): LogladyError {
  if (error instanceof LogladyError) return error
  return new StorageError((error as Error).message, { path, cause: error })
}

/** Takes byte 1 of the lock file that the folder has, not of one that went away with a deleted topic while it was waited for. */
async function lockForLife(files: PartitionFiles, options: WriterOptions): Promise<LockFile> {
  for (;;) {
    const lock = LockFile.open(join(files.folder, partitionLockFile))
    try {
      await lock.lock(WRITER_LIFE, 'shared', holder => options.onNote?.(waiting(files, holder)))
      if (lock.isSameFile()) return lock
    } catch (error) {
      lock.close()
      throw error
    }
    lock.close()
  }
}

/** A sync that still runs may fail, and a segment behind this one would then say that this one is durable. */
async function seal(segment: ActiveSegment): Promise<void> {
  await segment.settled()
  segment.seal()
}
