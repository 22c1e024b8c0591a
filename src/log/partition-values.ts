import type { BatchHeader } from './record/batch-header.ts'
import { ValueCopier } from './record/copy-values.ts'
import { isRecordDamage, type PartitionRecords } from './record-stream.ts'

/** `full`: no more fits; with `requiredSize` above 0, no block but a larger one will do. `end`: nothing more for now. */
export type CopyOutcome = 'full' | 'end'

/**
 * The values of one partition, each with a delimiter behind it, copied block by block: what `read` without keys, filters
 * and formats prints. No object is made for a record and no function called for one but the copier's own.
 */
export class PartitionValues {
  /** Where the output of the last `copy` ends, also if it threw: what lies before it is valid. */
  outputEnd = 0
  /** The bytes that the next value needs, when it did not fit into what was left. */
  requiredSize = 0
  readonly #records: PartitionRecords
  readonly #delimiter: Buffer
  readonly #copier: ValueCopier
  #header: BatchHeader | undefined
  /** Copied from legacy entries, which the copier does not know. */
  #legacyCount = 0
  /** Behind the last record of the current batch that was copied. */
  #nextOffset = 0
  /** A record of a legacy entry is in the cursor and did not fit. */
  #isPending = false

  constructor(records: PartitionRecords, delimiter: Buffer) {
    this.#records = records
    this.#delimiter = delimiter
    this.#copier = new ValueCopier({ delimiter, from: records.from, until: records.until })
  }

  /** How many values were copied so far. */
  get count(): number {
    return this.#copier.copied + this.#legacyCount
  }

  /** Fills `output` from `at` on. Damage is thrown as a CorruptLogError, or passed over as `PartitionRecords` was told. */
  copy(output: Buffer, at: number): CopyOutcome {
    this.outputEnd = at
    this.requiredSize = 0
    for (;;) {
      try {
        if (this.#header === undefined && !this.#open()) return 'end'
        const isDone = this.#header!.magic === 2 ? this.#copyBatch(output) : this.#copyLegacy(output)
        if (!isDone) return 'full'
        this.#header = undefined
      } catch (error) {
        if (!isRecordDamage(error)) throw error
        this.#header = undefined
        this.#isPending = false
        this.#records.leaveDamagedBatch(error, this.#nextOffset)
      }
    }
  }

  #open(): boolean {
    const header = this.#records.nextBatch()
    if (header === undefined) return false
    this.#header = header
    const { record } = this.#records
    if (header.magic < 2 || header.codecId !== 0) record.open(header)
    this.#nextOffset = this.#records.position
    if (header.magic < 2) return true
    if (header.codecId === 0) this.#copier.open(header)
    else this.#copier.open(header, record.bytes, 0, record.bytes.length)
    return true
  }

  #copyBatch(output: Buffer): boolean {
    const copier = this.#copier
    try {
      copier.copy(output, this.outputEnd)
    } finally {
      this.outputEnd = copier.outputEnd
      this.requiredSize = copier.requiredSize
      this.#nextOffset = Math.max(this.#nextOffset, copier.nextOffset)
    }
    return copier.isDone
  }

  #copyLegacy(output: Buffer): boolean {
    const { record, from, until } = this.#records
    while (this.#isPending || record.next()) {
      this.#isPending = false
      if (record.offset < from) continue
      if (record.offset >= until) break
      const { bytes, valueStart, valueEnd } = record
      const size = (valueStart < 0 ? 0 : valueEnd - valueStart) + this.#delimiter.length
      if (this.outputEnd + size > output.length) {
        this.#isPending = true
        this.requiredSize = size
        return false
      }
      if (valueStart >= 0) bytes.copy(output, this.outputEnd, valueStart, valueEnd)
      this.#delimiter.copy(output, this.outputEnd + size - this.#delimiter.length)
      this.outputEnd += size
      this.#legacyCount++
      this.#nextOffset = record.offset + 1
    }
    return true
  }
}
