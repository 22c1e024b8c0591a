import { writeInt64 } from '../record/int64.ts'
import { IndexFile, openIndexFile } from './index-file.ts'

/** int64 timestamp + int32 relative offset. */
export const TIME_ENTRY_SIZE = 8 + 4

const TWO_TO_32 = 0x1_0000_0000

export interface TimeEntry {
  /** ms. Beyond 2^53 only nearly what the bytes say: no such batch can be read, so no entry like that can be right. */
  timestamp: number
  offset: number
}

/**
 * The `.timeindex` of a segment: how far time had come by some of its batches. Big-endian, 12 bytes an entry:
 *
 * ```
 * | int64 timestamp (ms) | int32 relativeOffset |     relativeOffset = an offset - the segment's base offset
 * ```
 *
 * An entry (t, o) says: t is the largest timestamp of all batches up to some place, and the earliest batch that holds t is
 * the one that has offset o in it. Worked: `00000199c82cc88f 0000005a` in `00000000000000001000.timeindex`: the
 * largest timestamp so far is 1760000002191, first reached in the batch that offset 1090 is in. Everything before that batch
 * is older than t.
 *
 * Timestamps strictly increase, offsets never decrease. The last entry of a segment that was closed cleanly carries the
 * segment's largest timestamp. Lookup of the first record at or after T: the largest entry with a timestamp ≤ T (the
 * segment's start without one), then a scan from its offset. It is right only if the entry is: the offset must be inside a
 * batch whose maxTimestamp is t, else scan from the start. Leaders up to Kafka 3.7 wrote the offset of the record that
 * has t, newer ones and loglady the batch's last offset, so any offset inside the batch is right.
 *
 * Read by anyone without a lock; written under byte 0 of the partition's lock, appended in place or replaced by rename. The
 * entry that a roll or a clean close forced is cut again by the next writer. `IndexFile` tells what padding and a
 * crash leave. Kafka takes the entry count from the file's size, so a padded file that was not trimmed shows it a
 * last timestamp of 0, for which time retention deletes the segment.
 */
export class TimeIndex extends IndexFile<TimeEntry> {
  /** undefined if there is no such file. Reads one to 21 entries to find the end of the data. */
  static open(path: string, baseOffset: number): TimeIndex | undefined {
    const descriptor = openIndexFile(path)
    return descriptor === undefined ? undefined : new TimeIndex(path, descriptor, baseOffset, TIME_ENTRY_SIZE)
  }

  /** The number of the largest entry whose timestamp is ≤ `timestamp` (ms), or -1. */
  lookup(timestamp: number): number {
    return this.search(timestamp)
  }

  /** Kafka's `TimeIndex.sanityCheck`: three reads at most. What is wrong, or undefined. */
  sanityCheck(): string | undefined {
    if (this.trailingBytes !== 0) return `the size is ${this.sizeInBytes} bytes, no multiple of ${TIME_ENTRY_SIZE}`
    if (this.entries === 0) return undefined
    const first = this.entry(0).timestamp
    const { timestamp, offset } = this.entry(this.entries - 1)
    if (timestamp < first) return `the last entry's timestamp is ${timestamp}, below the first one's ${first}`
    if (offset < this.baseOffset)
      return `the last entry's offset is ${offset}, below the base offset ${this.baseOffset}`
    return undefined
  }

  protected override decode(bytes: Buffer, at: number): TimeEntry {
    return { timestamp: this.key(bytes, at), offset: this.baseOffset + bytes.readInt32BE(at + 8) }
  }

  /** Not `readInt64`, which throws at 2^53: an index with garbage in it must not stop a read that can do without. */
  protected override key(bytes: Buffer, at: number): number {
    return bytes.readInt32BE(at) * TWO_TO_32 + bytes.readUInt32BE(at + 4)
  }
}

/** Returns the position behind the entry. */
export function encodeTimeEntry(bytes: Buffer, at: number, timestamp: number, relativeOffset: number): number {
  return bytes.writeInt32BE(relativeOffset, writeInt64(bytes, at, timestamp))
}
