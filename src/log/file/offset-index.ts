import { IndexFile, openIndexFile } from './index-file.ts'

/** int32 relative offset + int32 position. */
export const OFFSET_ENTRY_SIZE = 4 + 4

export interface OffsetEntry {
  offset: number
  /** Byte position of a batch's first byte in the segment's `.log`. */
  position: number
}

/**
 * The `.index` of a segment: for some batches, where they start. Big-endian, 8 bytes an entry:
 *
 * ```
 * | int32 relativeOffset | int32 position |     relativeOffset = the batch's LAST offset - the segment's base offset
 * ```
 *
 * Worked: `0000005a 0000214d` in `00000000000000001000.index` says that the batch which starts at byte 8525 of
 * `00000000000000001000.log` ends with offset 1090. There is no entry for the batch at byte 0.
 *
 * Lookup: the largest entry with an offset ≤ the target, byte 0 without one; from there batches are read until one has a
 * last offset ≥ the target. What older brokers and compaction wrote keeps only this: the position is a batch's start, both
 * columns increase, and every batch before the position ends below the entry's offset. So a lookup may land on a batch
 * that starts above the target or on no batch at all; whoever uses it must see that the batch there is valid and has a
 * base offset ≤ the target, else go one entry back, in the end to byte 0. The position may be negative or beyond the log.
 *
 * Which batches get an entry is `IndexRule`'s business. Read by anyone without a lock; written under byte 0 of the
 * partition's lock, appended in place or replaced by rename. `IndexFile` tells what padding and a crash leave.
 */
export class OffsetIndex extends IndexFile<OffsetEntry> {
  /** undefined if there is no such file. Reads one to 21 entries to find the end of the data. */
  static open(path: string, baseOffset: number): OffsetIndex | undefined {
    const descriptor = openIndexFile(path)
    return descriptor === undefined ? undefined : new OffsetIndex(path, descriptor, baseOffset, OFFSET_ENTRY_SIZE)
  }

  /** The number of the largest entry whose offset is ≤ `offset`, or -1. */
  lookup(offset: number): number {
    return this.search(offset)
  }

  /** Kafka's `OffsetIndex.sanityCheck`: two reads at most. What is wrong, or undefined. */
  sanityCheck(): string | undefined {
    if (this.trailingBytes !== 0) return `the size is ${this.sizeInBytes} bytes, no multiple of ${OFFSET_ENTRY_SIZE}`
    if (this.entries === 0) return undefined
    const { offset, position } = this.entry(this.entries - 1)
    if (offset < this.baseOffset)
      return `the last entry's offset is ${offset}, below the base offset ${this.baseOffset}`
    if (position < 0) return `the last entry's position is ${position}`
    return undefined
  }

  protected override decode(bytes: Buffer, at: number): OffsetEntry {
    return { offset: this.key(bytes, at), position: bytes.readInt32BE(at + 4) }
  }

  protected override key(bytes: Buffer, at: number): number {
    return this.baseOffset + bytes.readInt32BE(at)
  }
}

/** Returns the position behind the entry. */
export function encodeOffsetEntry(bytes: Buffer, at: number, relativeOffset: number, position: number): number {
  return bytes.writeInt32BE(position, bytes.writeInt32BE(relativeOffset, at))
}
