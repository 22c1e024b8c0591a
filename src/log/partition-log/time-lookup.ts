import { TimeIndex } from '../file/time-index.ts'
import { RecordCursor } from '../record/record-cursor.ts'
import type { OrderRules } from '../segment/batch-order.ts'
import { SegmentCursor } from '../segment/segment-cursor.ts'
import type { SegmentFiles } from '../segment/segment-files.ts'

export interface OffsetAndTimestamp {
  offset: number
  /** ms, of the record at `offset`. */
  timestamp: number
}

/**
 * Looks for times in one segment through its `.timeindex`, of which each entry that is used is first held against its
 * batch: the offset must be the batch's last one, the timestamp its maxTimestamp. If one does not fit, the segment is
 * scanned. (What this cannot see: an entry that fits, behind a larger timestamp that has no entry; `docs/format.md`.)
 */
export class SegmentTimes {
  readonly #cursor: SegmentCursor
  readonly #timeIndex: TimeIndex | undefined

  constructor(segment: SegmentFiles, rules: OrderRules) {
    this.#cursor = new SegmentCursor(segment, rules)
    const { timeIndexPath, baseOffset } = segment
    this.#timeIndex = timeIndexPath === undefined ? undefined : TimeIndex.open(timeIndexPath, baseOffset)
  }

  /** The largest maxTimestamp of a batch and the last offset of the first batch that has it; undefined without any. */
  largest(): { maxTimestamp: number; lastOffset: number } | undefined {
    let found = { maxTimestamp: -1, lastOffset: -1 }
    const last = (this.#timeIndex?.entries ?? 0) - 1
    if (last >= 0 && this.#fits(last)) {
      const { timestamp, offset } = this.#timeIndex!.entry(last)
      found = { maxTimestamp: timestamp, lastOffset: offset }
      // From its batch on, where the cursor stands: that is near the end, if not the index is short or time went backwards.
    } else {
      this.#cursor.seekToStart()
    }
    while (this.#cursor.next() === 'batch') {
      const { maxTimestamp, lastOffset } = this.#cursor.header
      if (maxTimestamp > found.maxTimestamp) found = { maxTimestamp, lastOffset }
    }
    return found.maxTimestamp < 0 ? undefined : found
  }

  /** The largest timestamp of a record from `from` on, for a segment inside which the log starts; -1 without any. */
  largestFrom(from: number): number {
    let largest = -1
    const records = new RecordCursor()
    this.#cursor.seekToOffset(from)
    while (this.#cursor.next() === 'batch') {
      const { header } = this.#cursor
      if (header.lastOffset < from || header.maxTimestamp <= largest) continue
      if (header.baseOffset >= from) {
        largest = header.maxTimestamp
        continue
      }
      records.open(header)
      while (records.next()) if (records.offset >= from) largest = Math.max(largest, records.timestamp)
    }
    return largest
  }

  /** The first record with an offset of at least `from` and a timestamp of at least `timestamp`. */
  firstAtOrAfter(timestamp: number, from: number): OffsetAndTimestamp | undefined {
    const start = this.#offsetBefore(timestamp)
    if (start > this.#cursor.segment.baseOffset) this.#cursor.seekToOffset(Math.max(start, from))
    else if (from > this.#cursor.segment.baseOffset) this.#cursor.seekToOffset(from)
    else this.#cursor.seekToStart()
    const records = new RecordCursor()
    while (this.#cursor.next() === 'batch') {
      const { header } = this.#cursor
      if (header.lastOffset < from || header.maxTimestamp < timestamp) continue
      records.open(header)
      while (records.next()) {
        if (records.offset >= from && records.timestamp >= timestamp) {
          return { offset: records.offset, timestamp: records.timestamp }
        }
      }
    }
    return undefined
  }

  /** An offset before which every timestamp is below `timestamp`: that of the last time entry below it. */
  #offsetBefore(timestamp: number): number {
    const n = this.#timeIndex?.lookup(timestamp - 1) ?? -1
    return n >= 0 && this.#fits(n) ? this.#timeIndex!.entry(n).offset : -1
  }

  #fits(n: number): boolean {
    const { timestamp, offset } = this.#timeIndex!.entry(n)
    this.#cursor.seekToOffset(offset)
    while (this.#cursor.next() === 'batch') {
      const { header } = this.#cursor
      if (header.lastOffset < offset) continue
      // A broker before 3.8 wrote the record's own offset: inside the batch, which is as good.
      return header.baseOffset <= offset && header.maxTimestamp === timestamp
    }
    return false
  }

  close(): void {
    this.#cursor.close()
    this.#timeIndex?.close()
  }
}
