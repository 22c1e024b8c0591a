import { writeInt64 } from '../record/int64.ts'

export const OFFSET_ENTRY_SIZE = 8
export const TIME_ENTRY_SIZE = 12

/** Where the rule stands behind some batch of a segment; what `IndexRule.resume` needs to go on from there. */
export interface IndexRuleState {
  /** Entries that the two files hold up to here, the forced last time entry not counted. */
  offsetEntries: number
  timeEntries: number
  /** Byte position in the last offset entry, 0 without one: Kafka's counter of bytes since the last entry starts there. */
  lastIndexedPosition: number
  /** Largest maxTimestamp (ms) of the batches so far, -1 for none, and the last offset of the earliest batch that has it. */
  maxTimestamp: number
  offsetOfMaxTimestamp: number
  /** Timestamp of the last time entry, -1 without one. */
  lastTimeEntry: number
}

/**
 * What belongs into the `.index` and `.timeindex` of a segment, as a pure function of its batches and of
 * index.interval.bytes: the rule of Kafka's LogSegment.recover, and of its append since KAFKA-806.
 *
 * A batch that starts more than index.interval.bytes behind the batch of the last entry (behind byte 0 without one) gets
 * an offset entry (its last offset, its position). At the same moment a time entry (largest timestamp so far, last offset
 * of the earliest batch that holds it) is added if that timestamp is above the last time entry's. Closing a segment forces
 * one more time entry by the same comparison, so the last entry carries the segment's largest timestamp.
 *
 * Worked: interval 4096, batches of 3000 bytes at 0, 3000, 6000, 9000, 12000. 3000 - 0 is not above 4096: no entry.
 * 6000 - 0 is: entry at 6000. 9000 - 6000 is not, 12000 - 6000 is: entry at 12000.
 *
 * Entries collect in `offsetBytes` and `timeBytes` until `drain()`; the counts in the state go on.
 */
export class IndexRule {
  readonly baseOffset: number
  readonly indexIntervalBytes: number
  offsetEntries = 0
  timeEntries = 0
  lastIndexedPosition = 0
  maxTimestamp = -1
  offsetOfMaxTimestamp: number
  lastTimeEntry = -1
  offsetBytes: Buffer = Buffer.allocUnsafe(64 * OFFSET_ENTRY_SIZE)
  timeBytes: Buffer = Buffer.allocUnsafe(64 * TIME_ENTRY_SIZE)
  offsetLength = 0
  timeLength = 0

  constructor(baseOffset: number, indexIntervalBytes: number) {
    this.baseOffset = baseOffset
    this.offsetOfMaxTimestamp = baseOffset
    this.indexIntervalBytes = indexIntervalBytes
  }

  resume(state: IndexRuleState): void {
    this.offsetEntries = state.offsetEntries
    this.timeEntries = state.timeEntries
    this.lastIndexedPosition = state.lastIndexedPosition
    this.maxTimestamp = state.maxTimestamp
    this.offsetOfMaxTimestamp = state.offsetOfMaxTimestamp
    this.lastTimeEntry = state.lastTimeEntry
    this.drain()
  }

  /** One batch of the segment, in file order. `position` is its first byte. */
  feed(position: number, lastOffset: number, maxTimestamp: number): void {
    if (maxTimestamp > this.maxTimestamp) {
      this.maxTimestamp = maxTimestamp
      this.offsetOfMaxTimestamp = lastOffset
    }
    if (position - this.lastIndexedPosition > this.indexIntervalBytes) {
      this.#addOffsetEntry(lastOffset, position)
      this.#maybeAddTimeEntry()
    }
  }

  /** The time entry that a roll or a clean close forces, as 12 bytes, or undefined if the last one says it already. */
  forcedTimeEntry(): Buffer | undefined {
    if (this.maxTimestamp <= this.lastTimeEntry) return undefined
    const entry = Buffer.allocUnsafe(TIME_ENTRY_SIZE)
    this.#writeTimeEntry(entry, 0)
    return entry
  }

  /** Forgets the collected bytes once they are in the files. */
  drain(): void {
    this.offsetLength = 0
    this.timeLength = 0
  }

  #addOffsetEntry(lastOffset: number, position: number): void {
    if (this.offsetLength === this.offsetBytes.length) this.offsetBytes = doubled(this.offsetBytes)
    this.offsetBytes.writeInt32BE(lastOffset - this.baseOffset, this.offsetLength)
    this.offsetBytes.writeInt32BE(position, this.offsetLength + 4)
    this.offsetLength += OFFSET_ENTRY_SIZE
    this.offsetEntries++
    this.lastIndexedPosition = position
  }

  #maybeAddTimeEntry(): void {
    if (this.maxTimestamp <= this.lastTimeEntry) return
    if (this.timeLength === this.timeBytes.length) this.timeBytes = doubled(this.timeBytes)
    this.#writeTimeEntry(this.timeBytes, this.timeLength)
    this.timeLength += TIME_ENTRY_SIZE
    this.timeEntries++
    this.lastTimeEntry = this.maxTimestamp
  }

  #writeTimeEntry(bytes: Buffer, at: number): void {
    writeInt64(bytes, at, this.maxTimestamp)
    bytes.writeInt32BE(this.offsetOfMaxTimestamp - this.baseOffset, at + 8)
  }
}

function doubled(bytes: Buffer): Buffer {
  const larger = Buffer.allocUnsafe(bytes.length * 2)
  bytes.copy(larger)
  return larger
}
