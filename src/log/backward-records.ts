import { CorruptLogError } from './errors.ts'
import type { CommittedView } from './isolation.ts'
import type { BatchHeader } from './record/batch-header.ts'
import { parseHeaders } from './record/headers.ts'
import { RecordCursor } from './record/record-cursor.ts'
import { isDelivered, isRecordDamage, type RecordView, recordDamage, type SkippedDamage } from './record-stream.ts'

/** What is needed of a BackwardBatchReader: batches from the last to the first. */
export interface BackwardBatches {
  next(): BatchHeader | undefined
  readonly path: string
  readonly filePosition: number
  close(): void
}

export interface BackwardSelection {
  /** The lowest offset to deliver; default 0. */
  from?: number
  /** Exclusive, where it begins; default: no limit. */
  until?: number
  committed?: CommittedView
  /** Batches without a record of this timestamp (ms) or a later one may be left out unread. */
  since?: number
  /** Told about batches whose records are damaged, which are then passed over; without it damage is thrown. */
  onDamage?: (damage: SkippedDamage) => void
}

/** Fields of one record in `#places`, in this order. */
const FIELD_COUNT = 7
const FIRST_ROOM = 512

/**
 * The records of one batch, so that they can be gone through from the last to the first. Records can only be decoded
 * forwards, so the places of all of them are noted in arrays that serve every batch: still no object a record.
 */
class BatchRecords implements RecordView {
  bytes: Buffer = Buffer.alloc(0)
  offset = -1
  timestamp = -1
  keyStart = -1
  keyEnd = -1
  valueStart = -1
  valueEnd = -1
  headersCount = 0
  #headersStart = 0
  #recordEnd = 0
  readonly #cursor = new RecordCursor()
  #offsets = new Float64Array(FIRST_ROOM)
  #timestamps = new Float64Array(FIRST_ROOM)
  #places = new Int32Array(FIRST_ROOM * FIELD_COUNT)
  #count = 0

  /** Notes the records with offsets from `from` up to, not including, `until`. */
  open(header: BatchHeader, from: number, until: number): void {
    const cursor = this.#cursor
    this.#count = 0
    cursor.open(header)
    this.bytes = cursor.bytes
    while (cursor.next()) {
      if (cursor.offset >= from && cursor.offset < until) this.#note(cursor)
      // The bytes of a legacy entry are known from its first record on.
      this.bytes = cursor.bytes
    }
  }

  clear(): void {
    this.#count = 0
  }

  previous(): boolean {
    if (this.#count === 0) return false
    const index = --this.#count
    const places = this.#places
    const at = index * FIELD_COUNT
    this.offset = this.#offsets[index]!
    this.timestamp = this.#timestamps[index]!
    this.keyStart = places[at]!
    this.keyEnd = places[at + 1]!
    this.valueStart = places[at + 2]!
    this.valueEnd = places[at + 3]!
    this.headersCount = places[at + 4]!
    this.#headersStart = places[at + 5]!
    this.#recordEnd = places[at + 6]!
    return true
  }

  headers(): [Buffer, Buffer | null][] {
    return this.headersCount === 0 ? [] : parseHeaders(this.bytes, this.#headersStart, this.#recordEnd)
  }

  #note(cursor: RecordCursor): void {
    if (this.#count === this.#offsets.length) this.#grow()
    const index = this.#count++
    const places = this.#places
    const at = index * FIELD_COUNT
    this.#offsets[index] = cursor.offset
    this.#timestamps[index] = cursor.timestamp
    places[at] = cursor.keyStart
    places[at + 1] = cursor.keyEnd
    places[at + 2] = cursor.valueStart
    places[at + 3] = cursor.valueEnd
    places[at + 4] = cursor.headersCount
    places[at + 5] = cursor.headersStart
    places[at + 6] = cursor.recordEnd
  }

  #grow(): void {
    const room = this.#offsets.length * 2
    const offsets = new Float64Array(room)
    offsets.set(this.#offsets)
    this.#offsets = offsets
    const timestamps = new Float64Array(room)
    timestamps.set(this.#timestamps)
    this.#timestamps = timestamps
    const places = new Int32Array(room * FIELD_COUNT)
    places.set(this.#places)
    this.#places = places
  }
}

/** The records of one partition that a consumer gets, from the last to the first; see PartitionRecords. */
export class BackwardPartitionRecords {
  readonly #records = new BatchRecords()
  readonly #batches: BackwardBatches
  readonly #from: number
  readonly #until: number
  readonly #since: number
  readonly #committed: CommittedView | undefined
  readonly #onDamage: BackwardSelection['onDamage']
  #header: BatchHeader | undefined

  constructor(batches: BackwardBatches, selection: BackwardSelection = {}) {
    this.#batches = batches
    this.#from = selection.from ?? 0
    const until = selection.until ?? Number.POSITIVE_INFINITY
    this.#until = Math.min(until, selection.committed?.lastStableOffset ?? until)
    this.#since = selection.since ?? Number.NEGATIVE_INFINITY
    this.#committed = selection.committed
    this.#onDamage = selection.onDamage
  }

  get record(): RecordView {
    return this.#records
  }

  /** Moves `record` to the one before; false at the beginning. Damage is a CorruptLogError. */
  next(): boolean {
    while (!this.#records.previous()) {
      const header = this.#batches.next()
      if (header === undefined || header.lastOffset < this.#from) return false
      this.#header = header
      if (isDelivered(header) && this.#committed?.isAborted(header) !== true) this.#open(header)
    }
    return true
  }

  /** To be called with what reading the current record has thrown; see PartitionRecords. */
  leaveDamagedBatch(cause: unknown): void {
    if (!isRecordDamage(cause)) throw cause
    this.#records.clear()
    const header = this.#header!
    const damage = recordDamage(cause, header, this.#batches, header.baseOffset)
    if (this.#onDamage === undefined) throw new CorruptLogError(damage.reason, { ...damage, cause })
    this.#onDamage(damage)
  }

  close(): void {
    this.#batches.close()
  }

  #open(header: BatchHeader): void {
    try {
      if (header.maxTimestamp >= this.#since) this.#records.open(header, this.#from, this.#until)
    } catch (error) {
      this.leaveDamagedBatch(error)
    }
  }
}
