import { readSync } from 'node:fs'
import type { IndexFile } from '../file/index-file.ts'
import type { OffsetEntry } from '../file/offset-index.ts'
import type { TimeEntry } from '../file/time-index.ts'

/**
 * `wrong`: an entry that could lead a lookup astray. `short`: more of the log has no entry than any Kafka leaves without one:
 * reads stay right and get slow. `padded`: zeros behind the last entry of a segment that was rolled.
 */
export type IndexFault = 'wrong' | 'short' | 'padded'

export interface IndexProblem {
  fault: IndexFault
  message: string
  /** Byte in the index file, -1 if it concerns the file as a whole. */
  position: number
}

/** What the checks of both kinds of index need to know of one batch. */
export interface IndexedBatch {
  position: number
  sizeInBytes: number
  /** For a compressed message set of magic 0 and 1 the offset behind the batch before it. */
  baseOffset: number
  lastOffset: number
  /** -1 for none. */
  maxTimestamp: number
}

export interface IndexCheckOptions {
  /** Another segment follows, so this one is finished. */
  isRolled: boolean
  indexIntervalBytes: number
}

/** A follower appends up to 1 MiB (replica.fetch.max.bytes) in one call, and up to 4.0 one call got one entry. */
const LARGEST_APPEND_BYTES = 1 << 20
/** A lying index is wrong in thousands of places, and the first few tell all there is to know. */
const MAX_PROBLEMS = 8

abstract class IndexCheck<Entry> {
  readonly problems: IndexProblem[] = []
  /** Of each kind, also beyond those that are kept. */
  readonly counts: Record<IndexFault, number> = { wrong: 0, short: 0, padded: 0 }
  protected readonly index: IndexFile<Entry>
  protected readonly options: IndexCheckOptions
  protected current: Entry | undefined
  protected number = -1
  readonly #entries: Iterator<Entry>

  constructor(index: IndexFile<Entry>, options: IndexCheckOptions) {
    this.index = index
    this.options = options
    this.#entries = index.scan()
    if (index.trailingBytes > 0) {
      this.add(
        'wrong',
        `${index.trailingBytes} bytes behind the last whole entry`,
        index.sizeInBytes - index.trailingBytes,
      )
    }
    const end = index.entries * index.entrySize
    if (index.paddingBytes > 0 && options.isRolled) {
      this.add('padded', `${index.paddingBytes} zero bytes behind the last entry of a rolled segment`, end)
    }
    this.advance()
  }

  /** Batches in file order. */
  abstract batch(batch: IndexedBatch): void

  /** Bad bytes: what points there can be neither right nor wrong. */
  abstract skip(position: number, end: number, lastOffset: number): void

  /** Without a log: only whether the entries fit each other. */
  checkAlone(): void {
    while (this.current !== undefined) {
      const message = this.checkEntry(this.current)
      if (message !== undefined) this.add('wrong', message)
      this.advance()
    }
  }

  /** What is wrong with an entry whatever the log is. */
  protected abstract checkEntry(entry: Entry): string | undefined

  protected abstract checkOrder(entry: Entry, before: Entry): string | undefined

  protected advance(): void {
    const before = this.current
    const { done, value } = this.#entries.next()
    this.current = done === true ? undefined : value
    this.number++
    if (before === undefined || this.current === undefined) return
    const message = this.checkOrder(this.current, before)
    if (message !== undefined) this.add('wrong', message)
  }

  protected add(fault: IndexFault, message: string, position = this.number * this.index.entrySize): void {
    if (this.counts[fault]++ < MAX_PROBLEMS) this.problems.push({ fault, message, position })
  }

  protected isTooLong(bytes: number, largestBatch: number): boolean {
    const { indexIntervalBytes } = this.options
    // The interval comes on top: an entry is due only when it is exceeded, so one append may begin just below it.
    return bytes > Math.max(LARGEST_APPEND_BYTES, indexIntervalBytes) + indexIntervalBytes + largestBatch
  }
}

/**
 * Holds a `.index` against the batches of its log, by what is true of every index that any Kafka wrote: the position is a
 * batch's start, offsets and positions increase, and every batch before the position ends below the entry's offset. That
 * the entry names the last offset of its batch is not asked: appends of many batches (followers up to 4.0, compaction) put the
 * last offset of the whole call there.
 */
export class OffsetIndexCheck extends IndexCheck<OffsetEntry> {
  #previousLastOffset = -1
  #indexedPosition = 0
  #largestBatch = 0

  override batch(batch: IndexedBatch): void {
    const { position, sizeInBytes } = batch
    while (this.current !== undefined && this.current.position < position) {
      this.add('wrong', `entry ${this.#text()}: no batch begins at this byte`)
      this.advance()
    }
    if (this.current?.position === position) {
      if (this.#previousLastOffset >= this.current.offset) {
        this.add('wrong', `entry ${this.#text()}: a batch before it has offset ${this.#previousLastOffset}`)
      }
      this.#restart(position)
      this.advance()
    }
    this.#previousLastOffset = Math.max(this.#previousLastOffset, batch.lastOffset)
    this.#largestBatch = Math.max(this.#largestBatch, sizeInBytes)
    const unindexed = position + sizeInBytes - this.#indexedPosition
    if (!this.isTooLong(unindexed, this.#largestBatch)) return
    this.add('short', `no entry for ${unindexed} bytes from byte ${this.#indexedPosition} of the log on`, -1)
    this.#restart(position + sizeInBytes)
  }

  override skip(position: number, end: number): void {
    while (this.current !== undefined && this.current.position < end) {
      if (this.current.position < position) this.add('wrong', `entry ${this.#text()}: no batch begins at this byte`)
      this.advance()
    }
    this.#restart(end)
  }

  /** `end`: behind the last batch. Call it only if the log was seen to its end. */
  finish(end: number, lastOffset: number): void {
    for (; this.current !== undefined; this.advance()) {
      this.add('wrong', `entry ${this.#text()}: the log ends at byte ${end} with offset ${lastOffset}`)
    }
    const { entries } = this.index
    if (entries === 0 || this.counts.wrong > 0) return
    const last = this.index.entry(entries - 1)
    if (last.offset <= lastOffset) return
    this.add(
      'wrong',
      `the last entry has offset ${last.offset}, the log ends with ${lastOffset}`,
      (entries - 1) * this.index.entrySize,
    )
  }

  protected override checkEntry({ offset, position }: OffsetEntry): string | undefined {
    if (offset >= this.index.baseOffset && position >= 0) return undefined
    return `entry ${this.#text()}: below the base offset ${this.index.baseOffset} or before byte 0`
  }

  protected override checkOrder(entry: OffsetEntry, before: OffsetEntry): string | undefined {
    if (entry.offset > before.offset && entry.position > before.position) return undefined
    return `entry ${this.#text()}: not above the entry before it (offset ${before.offset}, byte ${before.position})`
  }

  #text(): string {
    return `${this.number} (offset ${this.current!.offset}, byte ${this.current!.position})`
  }

  #restart(position: number): void {
    this.#indexedPosition = position
    this.#largestBatch = 0
  }
}

/**
 * Holds a `.timeindex` against the batches of its log: timestamps increase, offsets never decrease, each offset lies inside a
 * batch (any offset of it: leaders up to 3.7 named the record) whose maxTimestamp is the entry's and the largest so far.
 */
export class TimeIndexCheck extends IndexCheck<TimeEntry> {
  #maxTimestamp = -1
  #indexedTimestamp = -1
  /** First byte of the batches that raised the maximum above the last entry's; -1 for none. */
  #uncoveredPosition = -1
  #largestBatch = 0
  #wasSkipped = false

  override batch(batch: IndexedBatch): void {
    const { position, sizeInBytes, maxTimestamp } = batch
    if (maxTimestamp > Math.max(this.#maxTimestamp, this.#indexedTimestamp) && this.#uncoveredPosition < 0) {
      this.#uncoveredPosition = position
      this.#largestBatch = 0
    }
    this.#maxTimestamp = Math.max(this.#maxTimestamp, maxTimestamp)
    for (; this.current !== undefined && this.current.offset <= batch.lastOffset; this.advance()) this.#check(batch)
    this.#largestBatch = Math.max(this.#largestBatch, sizeInBytes)
    if (this.#uncoveredPosition < 0) return
    const uncovered = position + sizeInBytes - this.#uncoveredPosition
    if (!this.isTooLong(uncovered, this.#largestBatch)) return
    this.add('short', `no entry for ${uncovered} bytes from byte ${this.#uncoveredPosition} of the log on`, -1)
    this.#uncoveredPosition = -1
  }

  #check(batch: IndexedBatch): void {
    const { timestamp, offset } = this.current!
    if (offset < batch.baseOffset) {
      this.add('wrong', `entry ${this.#text()}: no batch has this offset`)
      return
    }
    if (timestamp !== batch.maxTimestamp) {
      this.add('wrong', `entry ${this.#text()}: the largest timestamp of its batch is ${batch.maxTimestamp}`)
    } else if (timestamp < this.#maxTimestamp) {
      this.add('wrong', `entry ${this.#text()}: a batch before it has timestamp ${this.#maxTimestamp}`)
    }
    this.#cover(timestamp)
  }

  override skip(_position: number, _end: number, lastOffset: number): void {
    for (; this.current !== undefined && this.current.offset <= lastOffset; this.advance())
      this.#cover(this.current.timestamp)
    this.#wasSkipped = true
  }

  /** Call it only if the log was seen to its end. */
  finish(lastOffset: number): void {
    for (; this.current !== undefined; this.advance()) {
      this.add('wrong', `entry ${this.#text()}: the log ends with offset ${lastOffset}`)
    }
    if (!this.options.isRolled || this.#wasSkipped || this.#maxTimestamp <= this.#indexedTimestamp) return
    const found = this.#indexedTimestamp < 0 ? 'there is none' : `the last one has ${this.#indexedTimestamp}`
    this.add('short', `no entry for the largest timestamp ${this.#maxTimestamp} of a rolled segment, ${found}`, -1)
  }

  protected override checkEntry({ timestamp, offset }: TimeEntry): string | undefined {
    if (offset >= this.index.baseOffset && timestamp >= 0) return undefined
    return `entry ${this.#text()}: below the base offset ${this.index.baseOffset} or before 1970`
  }

  protected override checkOrder(entry: TimeEntry, before: TimeEntry): string | undefined {
    if (entry.timestamp > before.timestamp && entry.offset >= before.offset) return undefined
    return `entry ${this.#text()}: not above the entry before it (timestamp ${before.timestamp}, offset ${before.offset})`
  }

  #text(): string {
    return `${this.number} (timestamp ${this.current!.timestamp}, offset ${this.current!.offset})`
  }

  #cover(timestamp: number): void {
    this.#indexedTimestamp = Math.max(this.#indexedTimestamp, timestamp)
    if (this.#indexedTimestamp >= this.#maxTimestamp) this.#uncoveredPosition = -1
  }
}

/** Whether there is anything but zeros in the part of an index that should be padding. */
export function findInPadding(fd: number, start: number): number {
  const block = Buffer.allocUnsafe(1 << 16)
  for (let position = start; ; ) {
    const read = readSync(fd, block, 0, block.length, position)
    if (read === 0) return -1
    for (let i = 0; i < read; i++) if (block[i] !== 0) return position + i
    position += read
  }
}
