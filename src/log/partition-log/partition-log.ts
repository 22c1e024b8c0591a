import { OffsetOutOfRangeError } from '../errors.ts'
import { RecordCursor } from '../record/record-cursor.ts'
import type { SegmentFiles } from '../segment/segment-files.ts'
import { BackwardBatchReader } from './backward-batch-reader.ts'
import { BatchReader, type ReaderOptions } from './batch-reader.ts'
import { findLogEndOffset } from './log-end.ts'
import { LogWatch } from './log-watch.ts'
import { type PartitionFiles, sizeOf } from './partition-files.ts'
import { type OffsetAndTimestamp, SegmentTimes } from './time-lookup.ts'

/**
 * One partition as its readers see it: the ordered segments of `<topic>-<partition>/`. Takes no lock and changes nothing, and
 * keeps nothing in memory but paths, so that every answer is as fresh as the disk.
 */
export class PartitionLog {
  readonly files: PartitionFiles

  constructor(files: PartitionFiles) {
    this.files = files
  }

  get topic(): string {
    return this.files.topic
  }

  get partition(): number {
    return this.files.partition
  }

  get folder(): string {
    return this.files.folder
  }

  /** In offset order, as Kafka's load order would have them. */
  segments(): SegmentFiles[] {
    return this.files.list().segments
  }

  sizeInBytes(): number {
    return this.segments().reduce((bytes, segment) => bytes + sizeOf(segment.logPath), 0)
  }

  /** First offset that may be read; the checkpoint can put it inside a segment. */
  logStartOffset(): number {
    return this.files.logStartOffset(this.segments())
  }

  /** Offset that the next record gets. */
  logEndOffset(): number {
    const { segments } = this.files.list()
    return Math.max(findLogEndOffset(this.files, segments), this.files.logStartOffset(segments))
  }

  recoveryPoint(): number {
    return this.files.recoveryPoint(this.segments())
  }

  /** Batches from the one that holds `from` on. Any `from`: see `checkOffset` for a range check. */
  reader(options: ReaderOptions): BatchReader {
    return new BatchReader(this.files, options)
  }

  /** Batches that begin below `before` (default: the end), the last one first, down to `from`. */
  backwardReader(options: { before?: number; from?: number } = {}): BackwardBatchReader {
    const before = options.before ?? this.logEndOffset()
    return new BackwardBatchReader(this.files, { before, from: options.from ?? this.logStartOffset() })
  }

  watch(): LogWatch {
    return new LogWatch(this.folder)
  }

  /** Throws OffsetOutOfRangeError with the nearest offset that can be read; the log end itself is in range. */
  checkOffset(offset: number): void {
    const start = this.logStartOffset()
    const end = this.logEndOffset()
    if (offset >= start && offset <= end) return
    const [what, nearest] =
      offset < start ? ['removed; the log starts at', start] : ['not there yet; the log ends at', end]
    throw new OffsetOutOfRangeError(
      `offset ${offset} of ${this.topic}/${this.partition} is ${what} ${nearest}`,
      nearest,
      {
        path: this.folder,
        hint: `--offset ${nearest}, or --clamp to start at the nearest offset`,
      },
    )
  }

  /** The first record with a timestamp (ms) of at least `timestamp`, as Kafka's offsetsForTimes; undefined if none has. */
  offsetForTimestamp(timestamp: number): OffsetAndTimestamp | undefined {
    const segments = this.segments()
    const from = this.files.logStartOffset(segments)
    for (const [i, segment] of segments.entries()) {
      const next = segments[i + 1]
      if (next !== undefined && next.baseOffset <= from) continue
      const times = new SegmentTimes(segment, this.files.rules)
      try {
        const largest = times.largest()
        if (largest === undefined || largest.maxTimestamp < timestamp) continue
        const found = times.firstAtOrAfter(timestamp, from)
        if (found !== undefined) return found
      } finally {
        times.close()
      }
    }
    return undefined
  }

  /** The record with the largest timestamp, the first one of several; undefined for a log without timestamps. */
  maxTimestamp(): OffsetAndTimestamp | undefined {
    const segments = this.segments()
    const from = this.files.logStartOffset(segments)
    let best: { segment: SegmentFiles; maxTimestamp: number } | undefined
    for (const [i, segment] of segments.entries()) {
      const next = segments[i + 1]
      if (next !== undefined && next.baseOffset <= from) continue
      const times = new SegmentTimes(segment, this.files.rules)
      try {
        const maxTimestamp = segment.baseOffset < from ? times.largestFrom(from) : (times.largest()?.maxTimestamp ?? -1)
        if (maxTimestamp > (best?.maxTimestamp ?? -1)) best = { segment, maxTimestamp }
      } finally {
        times.close()
      }
    }
    return best && this.#firstWith(best.segment, best.maxTimestamp, from)
  }

  #firstWith(segment: SegmentFiles, timestamp: number, from: number): OffsetAndTimestamp | undefined {
    const times = new SegmentTimes(segment, this.files.rules)
    try {
      return times.firstAtOrAfter(timestamp, from)
    } finally {
      times.close()
    }
  }

  /** The timestamp (ms) of the first record, -1 if there is none: with `maxTimestamp` the span of the log. */
  firstTimestamp(): number {
    const reader = this.reader({ from: this.logStartOffset(), until: this.logEndOffset() })
    try {
      const records = new RecordCursor()
      for (let header = reader.next(); header !== undefined; header = reader.next()) {
        if (header.isControl || header.recordsCount === 0) continue
        records.open(header)
        if (records.next()) return records.timestamp
      }
      return -1
    } finally {
      reader.close()
    }
  }
}
