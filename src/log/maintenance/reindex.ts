import { fstatSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { NotFoundError, NumberTooLargeError } from '../errors.ts'
import { removeCleanShutdownMark } from '../file/clean-shutdown.ts'
import { replaceFile } from '../file/durable.ts'
import { LockFile, WRITE } from '../file/lock-file.ts'
import { indexFileName, partitionLockFile, timeIndexFileName } from '../file/names.ts'
import type { BatchHeader } from '../record/batch-header.ts'
import { BatchScanner } from '../segment/batch-scanner.ts'
import { IndexRule } from '../segment/index-rule.ts'
import { readFully } from '../segment/read-fully.ts'
import { closeQuietly, openSegmentFile } from '../segment/segment-files.ts'
import type { IndexFault } from './index-check.ts'
import { SegmentIndexesCheck } from './index-pair-check.ts'
import type { SegmentContext } from './inspect-context.ts'
import { SegmentScan } from './segment-scan.ts'

/** `short`: misses entries; `wrong`: breaks what every index keeps to; `padded`: zeros in a rolled segment. */
export type IndexState = 'right' | 'missing' | IndexFault

export interface ReindexOptions {
  /** Write nothing. */
  check?: boolean
  /** Also what is right. */
  all?: boolean
  /** Instead of the topic's index.interval.bytes. */
  indexIntervalBytes?: number
  /** Told who holds the partition's lock, if it takes longer than a second. */
  onWait?: (holder: string) => void
  onProgress?: (bytes: number) => void
}

export interface ReindexResult {
  /** Of the `.log`. */
  path: string
  topic?: string
  partition?: number
  baseOffset: number
  sizeInBytes: number
  /** As they were found. */
  index: IndexState
  timeIndex: IndexState
  isStale: boolean
  isRebuilt: boolean
  /** What a fresh build has. */
  entries: number
  timeEntries: number
  /** Bytes between the batches that are none; the indexes lead around them. */
  badBytes: number
}

const BYTES_A_TURN = 1 << 25
const MAX_INT32 = 2 ** 31 - 1
/** Base offset, length, epoch, magic and CRC: enough to tell one batch from another. */
const HEADER_BYTES = 21

/**
 * Looks at the two indexes of a segment and builds them anew if need be, in one pass over the log: the rule is fed while
 * the old entries are checked. The partition's write lock is taken only to replace the files, after going over what was
 * appended meanwhile; a writer then notices that its files are gone and opens the new ones, readers keep the old.
 *
 * What is built is what `IndexRule` says, with the time entry that closing a segment forces. Where the log is damaged,
 * batches behind the damage are indexed too, so that reads can still get there.
 */
export async function reindexSegment(context: SegmentContext, options: ReindexOptions = {}): Promise<ReindexResult> {
  const interval = options.indexIntervalBytes ?? context.partition?.indexIntervalBytes ?? 4096
  for (;;) {
    const fd = openSegmentFile(context.logPath, 'r')
    try {
      const build = new IndexBuild(context, fd, interval)
      await build.run(options.onProgress)
      const result = build.result()
      // A writer or another rebuild came between: what looks stale may be an entry that is no longer there.
      if (result.isStale && build.wereReplaced) continue
      if (options.check || (!options.all && !result.isStale)) return result
      if (await replaceIndexes(context, fd, build, options.onWait)) {
        return { ...build.result(), ...statesOf(result), isRebuilt: true }
      }
      // The log was cut and perhaps written anew: from the beginning.
    } finally {
      closeQuietly(fd)
    }
  }
}

function statesOf({
  index,
  timeIndex,
  isStale,
}: ReindexResult): Pick<ReindexResult, 'index' | 'timeIndex' | 'isStale'> {
  return { index, timeIndex, isStale }
}

/** False: the log is no longer what was read. */
async function replaceIndexes(
  { logPath, baseOffset, partition }: SegmentContext,
  fd: number,
  build: IndexBuild,
  onWait: ReindexOptions['onWait'],
): Promise<boolean> {
  const { folder, directory } = partition!
  const lock = LockFile.open(join(folder, partitionLockFile))
  try {
    await lock.lock(WRITE, 'exclusive', onWait)
    if (fstatSync(fd).nlink === 0) throw new NotFoundError('the segment was removed meanwhile', { path: logPath })
    if (!build.isStillThere()) return false
    build.catchUp()
    // A broker that finds its mark of a clean stop trusts every file, also one that a power cut left half renamed.
    if (directory !== undefined) removeCleanShutdownMark(directory)
    replaceFile(join(folder, indexFileName(baseOffset)), build.indexBytes(), { durable: true })
    replaceFile(join(folder, timeIndexFileName(baseOffset)), build.timeIndexBytes(), { durable: true })
    return true
  } finally {
    lock.close()
  }
}

class IndexBuild {
  /** Behind the last batch that was seen. */
  end = 0
  /** The indexes that were looked at are not the ones that are there now. */
  wereReplaced = false
  readonly #context: SegmentContext
  readonly #fd: number
  readonly #rule: IndexRule
  readonly #check: SegmentIndexesCheck
  #nextOffset: number
  #badBytes = 0
  /** The last batch that was seen: its place, and its header as it was. */
  #lastPosition = -1
  readonly #lastHeader = Buffer.alloc(HEADER_BYTES)
  #states: { index: IndexState; timeIndex: IndexState } = { index: 'right', timeIndex: 'right' }

  constructor(context: SegmentContext, fd: number, indexIntervalBytes: number) {
    this.#context = context
    this.#fd = fd
    this.#rule = new IndexRule(context.baseOffset, indexIntervalBytes)
    this.#nextOffset = context.baseOffset
    this.#check = new SegmentIndexesCheck(context, { isRolled: context.place === 'rolled', indexIntervalBytes })
  }

  async run(onProgress?: (bytes: number) => void): Promise<void> {
    const { logPath, baseOffset, nextBaseOffset, partition } = this.#context
    const scan = new SegmentScan({
      fd: this.#fd,
      path: logPath,
      baseOffset,
      hasGaps: partition?.isDense !== true,
      indexPositions: this.#check.positions(),
      ...(nextBaseOffset !== undefined && { nextBaseOffset }),
    })
    try {
      let told = 0
      for (let step = scan.next(); step !== 'end'; step = scan.next()) {
        if (step === 'batch') this.#feed(scan.header, scan.filePosition)
        else if (step === 'damage') this.#skip(scan.badBytes!)
        if (this.end - told < BYTES_A_TURN) continue
        onProgress?.(this.end - told)
        told = this.end
        await setImmediate()
      }
      onProgress?.(this.end - told)
      const { tail } = scan
      if (tail !== undefined && tail.kind !== 'zeros') {
        // A rolled segment has no tail; bytes behind the newest one's batches are a write that goes on, or a torn one.
        if (this.#context.place === 'rolled') this.#badBytes += tail.bytes
        this.#check.skip(tail.position, tail.position + tail.bytes, tail.lastOffset)
      }
      this.#check.finish(this.end, this.#nextOffset - 1)
      const { index, timeIndex } = this.#check.faults()
      this.#states = { index: stateOf(index), timeIndex: stateOf(timeIndex) }
      this.wereReplaced = this.#check.areReplaced()
    } finally {
      this.#check.close()
    }
  }

  /** Whether the last batch is where it was; a log that was cut has another one there, or none. */
  isStillThere(): boolean {
    if (this.#lastPosition < 0) return true
    const bytes = Buffer.alloc(HEADER_BYTES)
    readFully(this.#fd, this.#context.logPath, bytes, 0, this.#lastPosition, HEADER_BYTES)
    return bytes.equals(this.#lastHeader)
  }

  /** Over what was appended since `run`, which nobody can add to now. */
  catchUp(): void {
    const scanner = new BatchScanner(this.#fd, this.#context.logPath, this.end)
    while (scanner.next() === 'batch') this.#feedRule(scanner.header, scanner.filePosition)
  }

  indexBytes(): Buffer {
    return this.#rule.offsetBytes.subarray(0, this.#rule.offsetLength)
  }

  timeIndexBytes(): Buffer {
    const entries = this.#rule.timeBytes.subarray(0, this.#rule.timeLength)
    const forced = this.#rule.forcedTimeEntry()
    return forced === undefined ? entries : Buffer.concat([entries, forced])
  }

  result(): ReindexResult {
    const { logPath, baseOffset, partition } = this.#context
    const { index, timeIndex } = this.#states
    return {
      path: logPath,
      ...(partition?.topic !== undefined && { topic: partition.topic, partition: partition.partition! }),
      baseOffset,
      sizeInBytes: fstatSync(this.#fd).size,
      index,
      timeIndex,
      isStale: index !== 'right' || timeIndex !== 'right',
      isRebuilt: false,
      entries: this.#rule.offsetEntries,
      timeEntries: this.#rule.timeEntries + (this.#rule.forcedTimeEntry() === undefined ? 0 : 1),
      badBytes: this.#badBytes,
    }
  }

  #feed(header: BatchHeader, position: number): void {
    this.#check.batch({
      position,
      sizeInBytes: header.sizeInBytes,
      // A compressed message set names only its last offset; any offset behind the batch before it may be in it.
      baseOffset: header.recordsCount < 0 ? Math.min(this.#nextOffset, header.baseOffset) : header.baseOffset,
      lastOffset: header.lastOffset,
      maxTimestamp: timestampOf(header),
    })
    this.#feedRule(header, position)
  }

  #feedRule(header: BatchHeader, position: number): void {
    const { lastOffset, baseOffset } = header
    this.end = position + header.sizeInBytes
    this.#lastPosition = position
    this.#lastHeader.fill(0)
    header.bytes.copy(this.#lastHeader, 0, header.position, Math.min(header.position + HEADER_BYTES, header.recordsEnd))
    // No entry can name what is out of order, or further away than an int32 reaches.
    const isInOrder = baseOffset >= this.#nextOffset && lastOffset - this.#context.baseOffset <= MAX_INT32
    if (!isInOrder || position > MAX_INT32) return
    this.#rule.feed(position, lastOffset, timestampOf(header))
    this.#nextOffset = lastOffset + 1
  }

  #skip({ position, bytes, lastOffset }: { position: number; bytes: number; lastOffset: number }): void {
    this.#check.skip(position, position + bytes, lastOffset)
    this.#badBytes += bytes
    this.end = position + bytes
  }
}

function stateOf(faults: Set<IndexFault> | undefined): IndexState {
  if (faults === undefined) return 'missing'
  return (['wrong', 'padded', 'short'] as const).find(fault => faults.has(fault)) ?? 'right'
}

function timestampOf(header: BatchHeader): number {
  try {
    return header.maxTimestamp
  } catch (error) {
    if (error instanceof NumberTooLargeError) return -1
    throw error
  }
}
