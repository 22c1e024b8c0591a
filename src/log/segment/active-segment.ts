import {
  closeSync,
  existsSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  write,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { StorageError, SyncFailedError } from '../errors.ts'
import { indexFileName, logFileName, timeIndexFileName } from '../file/names.ts'
import { BatchHeader } from '../record/batch-header.ts'
import { BatchScanner } from './batch-scanner.ts'
import { OFFSET_ENTRY_SIZE, TIME_ENTRY_SIZE } from './index-rule.ts'
import { closeQuietly, openSegmentFile } from './segment-files.ts'
import { type IndexPaths, SegmentIndexes } from './segment-indexes.ts'
import { WriteBack } from './write-back.ts'

export interface SegmentConfig {
  segmentBytes: number
  segmentMs: number
  segmentIndexBytes: number
  indexIntervalBytes: number
}

/** Kafka's rule: an index entry holds the offset as an int32 above the segment's base. */
const MAX_RELATIVE_OFFSET = 2 ** 31 - 1
/** A thread costs about 30 µs, the copy of so many bytes into the page cache as much. */
const THREADED_WRITE_BYTES = 64 * 1024

/**
 * The newest segment of a partition, as one of its writers sees it.
 *
 * `size` and `nextOffset` are where this process knows the log to end. Other processes may have gone on from there:
 * everything that writes begins with `catchUp`, and all of it happens under byte 0 of the partition's lock.
 * Order within one write: index entries that somebody left out, the batches (pwrite at `size`, never O_APPEND), their
 * index entries. A crash therefore leaves a prefix of the batches, and indexes that are short at most.
 */
export class ActiveSegment {
  readonly baseOffset: number
  readonly logPath: string
  readonly #config: SegmentConfig
  readonly #fd: number
  readonly #paths: IndexPaths
  #indexes: SegmentIndexes
  #scanner: BatchScanner
  #header = new BatchHeader()
  size: number
  nextOffset: number
  /** maxTimestamp of the first batch, from which segment.ms counts; undefined until somebody asks. */
  #firstTimestamp: number | undefined
  /** Bytes that this process wrote and has not synced. */
  isDirty = false
  /** Syncs and write-back. */
  readonly #running = new Set<Promise<unknown>>()
  readonly #writeBack: WriteBack
  /** The first sync that failed: the kernel tells a descriptor once, so nobody may ask it again and believe the answer. */
  #syncFailure: SyncFailedError | undefined
  #isClosing = false

  private constructor(folder: string, baseOffset: number, config: SegmentConfig, fd: number, end: LogEnd) {
    this.baseOffset = baseOffset
    this.logPath = join(folder, logFileName(baseOffset))
    this.#config = config
    this.#fd = fd
    this.#paths = {
      index: join(folder, indexFileName(baseOffset)),
      timeIndex: join(folder, timeIndexFileName(baseOffset)),
    }
    this.size = end.position
    this.nextOffset = end.nextOffset
    const log = { fd, path: this.logPath, size: this.size }
    this.#indexes = SegmentIndexes.open(this.#paths, baseOffset, config.indexIntervalBytes, log)
    this.#scanner = new BatchScanner(fd, this.logPath, this.size, 1 << 16)
    this.#writeBack = new WriteBack(fd, this.size)
  }

  /** Opens what exists, under the lock; `end` is the end of its valid batches, as recovery found it. */
  static open(folder: string, baseOffset: number, config: SegmentConfig, end: LogEnd): ActiveSegment {
    const fd = openSegmentFile(join(folder, logFileName(baseOffset)), 'r+')
    try {
      return new ActiveSegment(folder, baseOffset, config, fd, end)
    } catch (error) {
      closeQuietly(fd)
      throw error
    }
  }

  /**
   * The segments that others began since, found by their names, the newest one last. Those before it are sealed: whoever
   * opened one to append would take its forced time entry away.
   */
  static begunSince(folder: string, baseOffset: number): number[] {
    const begun = [baseOffset]
    for (let last = baseOffset; ; begun.push(last)) {
      const path = join(folder, logFileName(last))
      const fd = openSegmentFile(path, 'r')
      try {
        const { nextOffset } = chainEnd(fd, path, last)
        if (nextOffset === last || !existsSync(join(folder, logFileName(nextOffset)))) return begun
        last = nextOffset
      } finally {
        closeQuietly(fd)
      }
    }
  }

  /**
   * Opens what another process began while this one lived, so the length chain tells how far it goes. (Taken for empty, its
   * indexes would look wrong and be replaced, and every other writer would have to open them again.)
   */
  static follow(folder: string, baseOffset: number, config: SegmentConfig): ActiveSegment {
    const path = join(folder, logFileName(baseOffset))
    const fd = openSegmentFile(path, 'r')
    try {
      return ActiveSegment.open(folder, baseOffset, config, chainEnd(fd, path, baseOffset))
    } finally {
      closeQuietly(fd)
    }
  }

  /** Makes the three files, empty. Durable only after the folder's fsync, which the roll does. */
  static create(folder: string, baseOffset: number, config: SegmentConfig): ActiveSegment {
    const logPath = join(folder, logFileName(baseOffset))
    for (const name of [indexFileName(baseOffset), timeIndexFileName(baseOffset)]) {
      closeSync(openSync(join(folder, name), 'w'))
    }
    closeSync(openSync(logPath, 'wx'))
    return ActiveSegment.open(folder, baseOffset, config, { position: 0, nextOffset: baseOffset })
  }

  /** False if the files that this process holds open were replaced, removed or cut by another one. */
  isCurrent(): boolean {
    const log = fstatSync(this.#fd)
    return log.nlink > 0 && log.size >= this.size && this.#indexes.isCurrent()
  }

  /**
   * Follows the length chain over what other writers added and cuts the part of a batch that a dead one left.
   * Returns the number of bytes that were cut. Throws StorageError if they can't be: nothing may be written over them.
   */
  catchUp(): number {
    const fileSize = fstatSync(this.#fd).size
    if (fileSize > this.size) {
      this.#scanner.seek(this.size)
      while (this.#scanner.nextInChain(fileSize) === 'batch') {
        const { header, filePosition } = this.#scanner
        this.#indexes.rule.feed(filePosition, header.lastOffset, header.maxTimestamp)
        this.size = filePosition + header.sizeInBytes
        this.nextOffset = header.nextOffset
      }
      if (this.size < fileSize) this.#cut()
    }
    return Math.max(0, fileSize - this.size)
  }

  /** Adds the index entries that others left out. Not for a segment that has a successor: whoever rolled has completed it. */
  mendIndexes(): void {
    this.#indexes.writeEntries()
    this.#indexes.trim()
  }

  #cut(): void {
    try {
      ftruncateSync(this.#fd, this.size)
    } catch (cause) {
      const message = `cannot cut what a dead writer left: ${(cause as Error).message}`
      throw new StorageError(message, { path: this.logPath, position: this.size, cause })
    }
  }

  /**
   * LogSegment.shouldRoll: would a batch of this size, last offset and largest timestamp belong into the next segment?
   * `pendingBytes` of batches will be written here before it, and may add an entry for each interval that they fill.
   */
  mustRollFor(pendingBytes: number, batchBytes: number, lastOffset: number, maxTimestamp: number): boolean {
    const size = this.size + pendingBytes
    if (size === 0) return false
    const { segmentBytes, segmentMs, segmentIndexBytes, indexIntervalBytes } = this.#config
    const { rule } = this.#indexes
    const pendingEntries = pendingBytes === 0 ? 0 : 1 + Math.floor(pendingBytes / (indexIntervalBytes + 1))
    return (
      size + batchBytes > segmentBytes ||
      (this.size > 0 && this.#waitedMs(maxTimestamp) > segmentMs) ||
      rule.offsetEntries + pendingEntries >= Math.floor(segmentIndexBytes / OFFSET_ENTRY_SIZE) ||
      // Kafka keeps the last slot for the entry that closing forces.
      rule.timeEntries + pendingEntries >= Math.floor(segmentIndexBytes / TIME_ENTRY_SIZE) - 1 ||
      lastOffset - this.baseOffset > MAX_RELATIVE_OFFSET
    )
  }

  #waitedMs(maxTimestamp: number): number {
    if (this.#firstTimestamp === undefined) {
      const scanner = new BatchScanner(this.#fd, this.logPath, 0, 1 << 16)
      this.#firstTimestamp = scanner.nextInChain(this.size) === 'batch' ? scanner.header.maxTimestamp : -1
    }
    if (this.#firstTimestamp < 0) return Date.now() - fstatSync(this.#fd).birthtimeMs
    return maxTimestamp - this.#firstTimestamp
  }

  /**
   * Writes whole batches, already stamped with their offsets, at the end. If that fails, the file is cut back to where it
   * was before the error goes on; if the cut fails too, the next holder of the lock makes it. The bytes must stay as they are
   * until it is over: many of them are written on a thread, so that the caller can fill the next batch meanwhile.
   */
  async append(bytes: Buffer, start: number, end: number): Promise<void> {
    if (this.#syncFailure !== undefined) throw this.#syncFailure
    this.isDirty = true
    const header = this.#header
    let position = this.size
    try {
      for (let at = start; at < end; ) {
        const length = end - at
        at +=
          length < THREADED_WRITE_BYTES
            ? writeSync(this.#fd, bytes, at, length, position + at - start)
            : await this.#whileOpen(writeOnThread(this.#fd, bytes, at, length, position + at - start))
      }
      for (let at = start; at < end; at += header.sizeInBytes) {
        header.read(bytes, at, end)
        this.#indexes.rule.feed(position, header.lastOffset, header.maxTimestamp)
        position += header.sizeInBytes
      }
      // A full disk may fail these too. The caller is then told that nothing was appended, so nothing may stay.
      this.#indexes.writeEntries()
    } catch (cause) {
      this.#cutBackTo(this.size)
      if (cause instanceof StorageError) throw cause
      throw new StorageError(`cannot write: ${(cause as Error).message}`, {
        path: this.logPath,
        position: this.size,
        cause,
      })
    }
    this.size = position
    this.nextOffset = header.nextOffset
    // Once more: a sync that began while the bytes were on their way need not cover them.
    this.isDirty = true
    const writing = this.#writeBack.writtenUpTo(position)
    if (writing !== undefined) this.#whileOpen(writing).catch(() => {})
  }

  #cutBackTo(size: number): void {
    try {
      ftruncateSync(this.#fd, size)
    } catch {
      // What stands behind `size` is no batch, so the next holder of the lock cuts it.
    }
  }

  /** fdatasync on a thread; what it covers is everything that was written before the call, whoever wrote it. */
  async sync(): Promise<void> {
    this.isDirty = false
    try {
      await this.#whileOpen(promisify(fdatasync)(this.#fd))
    } catch (cause) {
      throw this.#syncFailed(cause)
    }
  }

  /** What runs on a thread needs the descriptor: the last one to end closes it, if `close` was called meanwhile. */
  async #whileOpen<T>(running: Promise<T>): Promise<T> {
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
      if (this.#isClosing && this.#running.size === 0) closeQuietly(this.#fd)
    }
  }

  /** Resolves when no sync of this segment runs any more. Whether one failed, `syncNow` and `seal` tell. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running)
  }

  /** For a segment that another process closed: its bytes of ours must be durable before the next is acknowledged. */
  syncNow(): void {
    if (this.#syncFailure !== undefined) throw this.#syncFailure
    this.isDirty = false
    try {
      fdatasyncSync(this.#fd)
    } catch (cause) {
      throw this.#syncFailed(cause)
    }
  }

  /** The first half of a roll: final time entry, then log and indexes durable. Done twice it ends the same. */
  seal(): void {
    this.#indexes.writeEntries()
    this.#indexes.writeForcedTimeEntry()
    this.syncNow()
    for (const fd of this.#indexes.descriptors) {
      try {
        fdatasyncSync(fd)
      } catch (cause) {
        throw this.#syncFailed(cause)
      }
    }
  }

  writeForcedTimeEntry(): void {
    this.#indexes.writeForcedTimeEntry()
  }

  #syncFailed(cause: unknown): SyncFailedError {
    const message = `fdatasync failed: ${(cause as Error).message}`
    this.#syncFailure ??= new SyncFailedError(message, { path: this.logPath, cause })
    return this.#syncFailure
  }

  /** Whether another writer has rolled: the next segment's name is the offset at which this one ends. */
  successorExists(): boolean {
    if (this.nextOffset === this.baseOffset) return false
    return existsSync(join(this.logPath, '..', logFileName(this.nextOffset)))
  }

  /** Whether the file holds nothing at all, as right after a roll. */
  isEmpty(): boolean {
    return fstatSync(this.#fd).size === 0
  }

  close(): void {
    this.#isClosing = true
    this.#indexes.close()
    // A sync on its thread needs the descriptor; the last one closes it.
    if (this.#running.size === 0) closeQuietly(this.#fd)
  }
}

function chainEnd(fd: number, path: string, baseOffset: number): LogEnd {
  const { size } = fstatSync(fd)
  const scanner = new BatchScanner(fd, path, 0, 1 << 16)
  const end = { position: 0, nextOffset: baseOffset }
  while (scanner.nextInChain(size) === 'batch') {
    end.position = scanner.nextPosition
    end.nextOffset = scanner.header.nextOffset
  }
  return end
}

/** Where valid batches end in a `.log`, and the offset that comes next. */
export interface LogEnd {
  position: number
  nextOffset: number
}

/** pwrite(2) on one of Node's threads; the number of bytes that it wrote. */
function writeOnThread(fd: number, bytes: Buffer, at: number, length: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, at, length, position, (error, written) => (error === null ? resolve(written) : reject(error)))
  })
}
