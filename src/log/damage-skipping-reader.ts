import type { BackwardBatches } from './backward-records.ts'
import { CorruptLogError } from './errors.ts'
import type { BatchReader } from './partition-log/batch-reader.ts'
import type { PartitionLog } from './partition-log/partition-log.ts'
import type { BatchHeader } from './record/batch-header.ts'
import type { SkippedDamage } from './record-stream.ts'

/**
 * Batches from the last to the first, over damaged places. A place to go on can only be found forwards; so at the first damage
 * everything below it is walked forwards once, which tells the damage in passing, and its batches are then looked up one by
 * one from the end. For damaged logs only: it costs a lookup a batch.
 */
export class DamageSkippingReader implements BackwardBatches {
  readonly #log: PartitionLog
  readonly #from: number
  readonly #onDamage: (damage: SkippedDamage) => void
  /** The lowest offset returned so far, where the range ends at first. */
  #before: number
  #reader: BackwardBatches
  /** Base offsets of the batches that are left, once damage was met. */
  #left: number[] | undefined

  constructor(log: PartitionLog, range: { from: number; before: number }, onDamage: (damage: SkippedDamage) => void) {
    this.#log = log
    this.#from = range.from
    this.#before = range.before
    this.#onDamage = onDamage
    this.#reader = log.backwardReader(range)
  }

  get path(): string {
    return this.#reader.path
  }

  get filePosition(): number {
    return this.#reader.filePosition
  }

  next(): BatchHeader | undefined {
    if (this.#left === undefined) {
      try {
        const header = this.#reader.next()
        if (header !== undefined) this.#before = header.baseOffset
        return header
      } catch (error) {
        if (!(error instanceof CorruptLogError)) throw error
        this.#left = this.#collect()
      }
    }
    const offset = this.#left.pop()
    this.close()
    if (offset === undefined) return undefined
    const reader = this.#log.reader({ from: offset, until: offset + 1 })
    this.#reader = reader
    // On the way from the index entry it may come by damage that was told already.
    return nextBatch(reader, () => {})
  }

  close(): void {
    this.#reader.close()
  }

  #collect(): number[] {
    const offsets: number[] = []
    const reader = this.#log.reader({ from: this.#from, until: this.#before })
    try {
      for (;;) {
        const header = nextBatch(reader, this.#onDamage)
        if (header === undefined) return offsets
        // A legacy wrapper is found by its last offset, the only one that its header has.
        if (header.baseOffset < this.#before) offsets.push(header.baseOffset)
      }
    } finally {
      reader.close()
    }
  }
}

function nextBatch(reader: BatchReader, onDamage: (damage: SkippedDamage) => void): BatchHeader | undefined {
  for (;;) {
    try {
      return reader.next()
    } catch (error) {
      if (!(error instanceof CorruptLogError)) throw error
      onDamage(reader.skipDamage())
    }
  }
}
