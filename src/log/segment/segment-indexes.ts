import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { StorageError } from '../errors.ts'
import { replaceFile } from '../file/durable.ts'
import { type OffsetEntry, OffsetIndex } from '../file/offset-index.ts'
import { type TimeEntry, TimeIndex } from '../file/time-index.ts'
import { BatchScanner } from './batch-scanner.ts'
import { IndexRule, type IndexRuleState, OFFSET_ENTRY_SIZE, TIME_ENTRY_SIZE } from './index-rule.ts'

export interface IndexPaths {
  index: string
  timeIndex: string
}

export interface LogExtent {
  fd: number
  path: string
  /** Bytes of whole, valid batches. */
  size: number
}

/**
 * The `.index` and `.timeindex` of the segment that is being written, kept equal to what `IndexRule` says. Entries go to
 * the files behind the batches that they name, so a crash leaves them short, never ahead, but for a power cut. Whoever
 * holds the partition's write lock may touch them, and first adds what another left out.
 *
 * At the end of `.timeindex` there may be one entry more, forced by a clean close: it is the one above the last offset
 * entry's offset. The next writer cuts it, because the rule goes on from the state before it.
 */
export class SegmentIndexes {
  readonly rule: IndexRule
  readonly #paths: IndexPaths
  #indexFd: number
  #timeIndexFd: number

  private constructor(rule: IndexRule, paths: IndexPaths) {
    this.rule = rule
    this.#paths = paths
    this.#indexFd = openSync(paths.index, 'r+')
    this.#timeIndexFd = openSync(paths.timeIndex, 'r+')
  }

  /**
   * Opens both under the write lock. The last entries are held against the log; if they fit, the rule goes on from there
   * over the few batches behind them, else both files are built anew from byte 0 and replaced. `feed` has then seen every
   * batch up to `log.size`.
   */
  static open(paths: IndexPaths, baseOffset: number, indexIntervalBytes: number, log: LogExtent): SegmentIndexes {
    const rule = new IndexRule(baseOffset, indexIntervalBytes)
    const state = lastState(paths, baseOffset, log)
    if (state === undefined) {
      feedChain(rule, log, 0)
      replaceFile(paths.index, rule.offsetBytes.subarray(0, rule.offsetLength), { durable: true })
      replaceFile(paths.timeIndex, rule.timeBytes.subarray(0, rule.timeLength), { durable: true })
      rule.drain()
      return new SegmentIndexes(rule, paths)
    }
    rule.resume(state)
    const indexes = new SegmentIndexes(rule, paths)
    // Zero padding of a broker, entries of a power cut beyond the log's end, the forced time entry.
    indexes.trim()
    feedChain(rule, log, state.lastIndexedPosition, state.offsetEntries > 0)
    indexes.writeEntries()
    return indexes
  }

  /** Two empty files, for a segment that is being made. */
  static create(paths: IndexPaths, baseOffset: number, indexIntervalBytes: number): SegmentIndexes {
    closeSync(openSync(paths.index, 'w'))
    closeSync(openSync(paths.timeIndex, 'w'))
    return new SegmentIndexes(new IndexRule(baseOffset, indexIntervalBytes), paths)
  }

  /** False once somebody replaced a file or cut what this writer had written: then both have to be opened again. */
  isCurrent(): boolean {
    const { rule } = this
    const index = fstatSync(this.#indexFd)
    if (index.nlink === 0 || index.size < rule.offsetEntries * OFFSET_ENTRY_SIZE - rule.offsetLength) return false
    const timeIndex = fstatSync(this.#timeIndexFd)
    return timeIndex.nlink > 0 && timeIndex.size >= rule.timeEntries * TIME_ENTRY_SIZE - rule.timeLength
  }

  /** Writes the entries that the rule has collected, over whatever another process has there. */
  writeEntries(): void {
    const { rule } = this
    const { index, timeIndex } = this.#paths
    writeAt(this.#indexFd, index, rule.offsetBytes, rule.offsetLength, rule.offsetEntries * OFFSET_ENTRY_SIZE)
    writeAt(this.#timeIndexFd, timeIndex, rule.timeBytes, rule.timeLength, rule.timeEntries * TIME_ENTRY_SIZE)
    rule.drain()
  }

  /** Cuts what stands behind the last entry of the rule: the forced time entry of another writer's clean close. */
  trim(): void {
    const timeBytes = this.rule.timeEntries * TIME_ENTRY_SIZE
    if (fstatSync(this.#timeIndexFd).size > timeBytes) ftruncateSync(this.#timeIndexFd, timeBytes)
    const offsetBytes = this.rule.offsetEntries * OFFSET_ENTRY_SIZE
    if (fstatSync(this.#indexFd).size > offsetBytes) ftruncateSync(this.#indexFd, offsetBytes)
  }

  /** At a roll and at a clean close. The rule itself does not move: should the segment go on, `trim` takes it back. */
  writeForcedTimeEntry(): void {
    const entry = this.rule.forcedTimeEntry()
    if (entry === undefined) return
    const end = (this.rule.timeEntries + 1) * TIME_ENTRY_SIZE
    writeAt(this.#timeIndexFd, this.#paths.timeIndex, entry, entry.length, end)
  }

  get descriptors(): [number, number] {
    return [this.#indexFd, this.#timeIndexFd]
  }

  /** The names of both files, for whoever opens them again. */
  get paths(): IndexPaths {
    return this.#paths
  }

  close(): void {
    closeSync(this.#indexFd)
    closeSync(this.#timeIndexFd)
  }
}

/** The last `length` bytes of the file end at `end`. */
function writeAt(fd: number, path: string, bytes: Buffer, length: number, end: number): void {
  try {
    for (let done = 0; done < length; ) done += writeSync(fd, bytes, done, length - done, end - length + done)
  } catch (cause) {
    throw new StorageError(`cannot write: ${(cause as Error).message}`, { path, position: end - length, cause })
  }
}

/** Feeds the rule with the batches from `position` on; the first one is left out when it is in the state already. */
function feedChain(rule: IndexRule, log: LogExtent, position: number, skipFirst = false): void {
  const scanner = new BatchScanner(log.fd, log.path, position)
  let skip = skipFirst
  while (scanner.nextPosition < log.size && scanner.nextInChain(log.size) === 'batch') {
    if (!skip) rule.feed(scanner.filePosition, scanner.header.lastOffset, scanner.header.maxTimestamp)
    skip = false
  }
}

/** The state behind the batch of the last offset entry, or undefined if the two files do not fit the log. */
function lastState(paths: IndexPaths, baseOffset: number, log: LogExtent): IndexRuleState | undefined {
  const index = OffsetIndex.open(paths.index, baseOffset)
  if (index === undefined) return undefined
  try {
    const timeIndex = TimeIndex.open(paths.timeIndex, baseOffset)
    if (timeIndex === undefined) return undefined
    try {
      return stateOf(index, timeIndex, baseOffset, log)
    } finally {
      timeIndex.close()
    }
  } finally {
    index.close()
  }
}

function stateOf(
  index: OffsetIndex,
  timeIndex: TimeIndex,
  baseOffset: number,
  log: LogExtent,
): IndexRuleState | undefined {
  const scanner = new BatchScanner(log.fd, log.path, 0)
  const offsetEntries = index.entries
  if (offsetEntries === 0) {
    // Nothing to build on, and nothing lost: the walk starts at byte 0 and writes what is missing.
    return emptyState(baseOffset)
  }
  const last = index.entry(offsetEntries - 1)
  if (!isBatchAt(scanner, last.position, last.offset, log)) return undefined
  let timeEntries = timeIndex.entries
  // Only the forced entry may lie above the last offset entry's offset.
  if (timeEntries > 0 && timeIndex.entry(timeEntries - 1).offset > last.offset) timeEntries--
  const state = { ...emptyState(baseOffset), offsetEntries, timeEntries, lastIndexedPosition: last.position }
  if (timeEntries > offsetEntries) return undefined
  if (timeEntries === 0) return hasTimestamp(log, last.position) ? undefined : state
  const time = timeIndex.entry(timeEntries - 1)
  if (time.offset > last.offset || !isLargestSince(index, time, last, log)) return undefined
  return { ...state, maxTimestamp: time.timestamp, offsetOfMaxTimestamp: time.offset, lastTimeEntry: time.timestamp }
}

function emptyState(baseOffset: number): IndexRuleState {
  return {
    offsetEntries: 0,
    timeEntries: 0,
    lastIndexedPosition: 0,
    maxTimestamp: -1,
    offsetOfMaxTimestamp: baseOffset,
    lastTimeEntry: -1,
  }
}

function isBatchAt(scanner: BatchScanner, position: number, lastOffset: number, log: LogExtent): boolean {
  if (position >= log.size) return false
  scanner.seek(position)
  return scanner.next() === 'batch' && scanner.nextPosition <= log.size && scanner.header.lastOffset === lastOffset
}

/** Whether a batch up to `last` has a timestamp, and the time index therefore an entry. Nearly always the first one has. */
function hasTimestamp(log: LogExtent, last: number): boolean {
  const scanner = new BatchScanner(log.fd, log.path, 0)
  while (scanner.nextPosition <= last && scanner.nextInChain(log.size) === 'batch') {
    if (scanner.header.maxTimestamp >= 0) return true
  }
  return false
}

/**
 * Whether the last time entry can be right: its offset is the last one of a batch with that very maxTimestamp, and no batch
 * from there to the last offset entry has a larger one, for that would have an entry of its own. Where timestamps rise the
 * two lie side by side; the walk is long only for a log whose largest timestamp came early.
 */
function isLargestSince(index: OffsetIndex, time: TimeEntry, last: OffsetEntry, log: LogExtent): boolean {
  const before = index.lookup(time.offset)
  const scanner = new BatchScanner(log.fd, log.path, before < 0 ? 0 : index.entry(before).position)
  let isFound = false
  while (scanner.nextPosition <= last.position && scanner.nextInChain(log.size) === 'batch') {
    const { lastOffset, maxTimestamp } = scanner.header
    if (lastOffset < time.offset) continue
    if (!isFound && (lastOffset !== time.offset || maxTimestamp !== time.timestamp)) return false
    isFound = true
    if (maxTimestamp > time.timestamp) return false
  }
  return isFound
}
