import {
  CorruptLogError,
  CorruptRecordError,
  type LogladyError,
  NumberTooLargeError,
  TooLargeWhenDecompressedError,
} from './errors.ts'
import type { CommittedView } from './isolation.ts'
import type { BatchHeader } from './record/batch-header.ts'
import { RecordCursor } from './record/record-cursor.ts'

/** The current record of something that moves over records: its fields are overwritten by the next one. */
export interface RecordView {
  readonly offset: number
  /** ms; -1 without one. */
  readonly timestamp: number
  readonly bytes: Buffer
  /** Where key and value lie in `bytes`; a start of -1 is a null. */
  readonly keyStart: number
  readonly keyEnd: number
  readonly valueStart: number
  readonly valueEnd: number
  readonly headersCount: number
  headers(): [Buffer, Buffer | null][]
}

/** A damaged place that was passed over: bytes of a file, and the offsets that it may have held. */
export interface SkippedDamage {
  path: string
  position: number
  bytes: number
  firstOffset: number
  /** Below `firstOffset` if no offset is missing for sure. */
  lastOffset: number
  reason: string
}

/** What is needed of a BatchReader. */
export interface ForwardBatches {
  next(): BatchHeader | undefined
  skipDamage(): SkippedDamage
  readonly position: number
  /** The end that it was given is reached, maybe over a gap that compaction left. */
  readonly isAtEnd: boolean
  readonly path: string
  readonly filePosition: number
  close(): void
}

/** Which records of a partition are delivered. */
export interface RecordSelection {
  /** Default 0. */
  from?: number
  /** Exclusive; default: no end. */
  until?: number
  /** Without it, aborted and undecided transactions are delivered too (read_uncommitted). */
  committed?: CommittedView
  /** Batches without a record of this timestamp (ms) or a later one may be left out unread. */
  since?: number
  /** Told about each damaged place, which is then passed over; without it damage is thrown. */
  onDamage?: (damage: SkippedDamage) => void
}

/**
 * The records of one partition that a consumer gets, in offset order: without control records, and without what the
 * selection leaves out. After `next` or `nextBatch` has come to the end, it may be called again when the log has grown.
 *
 * Damage is a CorruptLogError with file, byte and offsets, also where the CRC is right and the records are not. Everything
 * that was delivered before it is valid.
 */
export class PartitionRecords {
  readonly record = new RecordCursor()
  readonly #batches: ForwardBatches
  readonly #from: number
  readonly #until: number
  readonly #since: number
  readonly #committed: CommittedView | undefined
  readonly #onDamage: RecordSelection['onDamage']
  /** The batch that `record` runs over; with `#isHeld`, one at the last stable offset that must wait. */
  #batch: BatchHeader | undefined
  #isHeld = false
  #position: number

  constructor(batches: ForwardBatches, selection: RecordSelection = {}) {
    this.#batches = batches
    this.#from = selection.from ?? 0
    this.#until = selection.until ?? Number.POSITIVE_INFINITY
    this.#since = selection.since ?? Number.NEGATIVE_INFINITY
    this.#committed = selection.committed
    this.#onDamage = selection.onDamage
    this.#position = this.#from
  }

  /** The next offset that could be delivered: all before it were, or never will be. */
  get position(): number {
    return this.#position
  }

  /** Whether `until` is reached: nothing will come however much the log grows. */
  get isAtEnd(): boolean {
    return this.#position >= this.#until
  }

  get until(): number {
    return this.#until
  }

  get from(): number {
    return this.#from
  }

  /** Moves `record` to the next record; false at the end, or at the end for now. */
  next(): boolean {
    for (;;) {
      if ((this.#batch === undefined || this.#isHeld) && !this.#openNextBatch()) return false
      try {
        if (this.#nextInBatch()) return true
        this.#leaveBatch()
      } catch (error) {
        this.leaveDamagedBatch(error)
      }
    }
  }

  /**
   * The next batch with records to deliver, for whoever copies whole batches: those of its records that lie in `from` to
   * `until`. `position` is behind it only once the following call was made.
   */
  nextBatch(): BatchHeader | undefined {
    if (!this.#isHeld) this.#leaveBatch()
    for (;;) {
      const header = this.#isHeld ? this.#batch : this.#readBatch()
      if (header === undefined) {
        const end = this.#batches.isAtEnd ? this.#until : Math.min(this.#batches.position, this.#until)
        this.#position = Math.max(this.#position, end)
        return undefined
      }
      this.#batch = header
      this.#isHeld = !this.#isStable(header)
      if (this.#isHeld) return undefined
      if (this.#isVisible(header)) return header
      this.#leaveBatch()
    }
  }

  /**
   * To be called with what reading the records of the current batch has thrown: throws damage with its place in the file,
   * or reports it and goes on behind the batch. `firstOffset` is the first one that could not be delivered.
   */
  leaveDamagedBatch(cause: unknown, firstOffset = this.#position): void {
    if (!isRecordDamage(cause)) throw cause
    const header = this.#batch!
    // A legacy wrapper does not say where it begins, but what lies below `firstOffset` was delivered.
    const first = header.magic === 2 ? Math.max(firstOffset, header.baseOffset) : firstOffset
    const damage = recordDamage(cause, header, this.#batches, first)
    if (this.#onDamage === undefined) throw new CorruptLogError(damage.reason, { ...damage, cause })
    this.#onDamage(damage)
    this.#leaveBatch()
  }

  close(): void {
    this.#batches.close()
  }

  #openNextBatch(): boolean {
    for (let header = this.nextBatch(); header !== undefined; header = this.nextBatch()) {
      try {
        if (header.maxTimestamp < this.#since) continue
        this.record.open(header)
        return true
      } catch (error) {
        this.leaveDamagedBatch(error)
      }
    }
    return false
  }

  #nextInBatch(): boolean {
    const { record } = this
    while (record.next()) {
      if (record.offset < this.#from) continue
      if (record.offset >= this.#until) return false
      this.#position = record.offset + 1
      return true
    }
    return false
  }

  #leaveBatch(): void {
    if (this.#batch === undefined) return
    this.#position = Math.max(this.#position, Math.min(this.#batch.nextOffset, this.#until))
    this.#batch = undefined
  }

  #readBatch(): BatchHeader | undefined {
    if (this.isAtEnd) return undefined
    for (;;) {
      try {
        return this.#batches.next()
      } catch (error) {
        if (!(error instanceof CorruptLogError)) throw error
        // On the way from an index entry to `from` it may come by damage that nobody has asked for.
        const isBelow = error.lastOffset !== undefined && error.lastOffset < this.#from
        if (this.#onDamage === undefined && !isBelow) throw error
        const damage = this.#batches.skipDamage()
        if (!isBelow) this.#onDamage?.(damage)
      }
    }
  }

  /** Whether the batch lies below the last stable offset; looks for news before it says no. */
  #isStable(header: BatchHeader): boolean {
    const committed = this.#committed
    if (committed === undefined || header.baseOffset < committed.lastStableOffset) return true
    committed.advance()
    if (header.baseOffset < committed.lastStableOffset) return true
    if (committed.damage !== undefined) throw committed.damage
    return false
  }

  #isVisible(header: BatchHeader): boolean {
    return isDelivered(header) && this.#committed?.isAborted(header) !== true
  }
}

/** Consumers never see control records, and an empty batch has nothing to show. */
export function isDelivered(header: BatchHeader): boolean {
  return !header.isControl && header.recordsCount !== 0
}

/** What reading the records of a batch throws when they are not what its CRC vouches for, or claim too much. */
export function isRecordDamage(error: unknown): error is LogladyError {
  return (
    error instanceof CorruptRecordError ||
    error instanceof TooLargeWhenDecompressedError ||
    error instanceof NumberTooLargeError
  )
}

/** What is told about the batch. */
export function recordDamage(
  cause: LogladyError,
  header: BatchHeader,
  { path, filePosition }: { path: string; filePosition: number },
  firstOffset: number,
): SkippedDamage {
  const at = cause.position === undefined ? '' : `, byte ${cause.position}`
  return {
    path,
    position: filePosition,
    bytes: header.sizeInBytes,
    firstOffset,
    lastOffset: header.lastOffset,
    reason: `the records are damaged though the CRC of their batch matches: ${cause.message}${at}`,
  }
}
