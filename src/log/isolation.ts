import { CorruptLogError } from './errors.ts'
import type { BatchHeader } from './record/batch-header.ts'
import { readControlRecord } from './record/control-record.ts'
import { RecordCursor } from './record/record-cursor.ts'

/** Kafka's `isolation.level`. */
export type Isolation = 'read_uncommitted' | 'read_committed'
export const isolations: readonly Isolation[] = ['read_uncommitted', 'read_committed']

/** What is needed of a BatchReader that runs from the log start to the end. */
export interface BatchesFromStart {
  next(): BatchHeader | undefined
  skipDamage(): unknown
  readonly position: number
}

/** The aborted transactions of one producer, in the order of the log: records `firsts[i]` up to the marker `lasts[i]`. */
interface AbortedTransactions {
  firsts: number[]
  lasts: number[]
}

/**
 * What a read_committed consumer may see of one partition: nothing of aborted transactions, and nothing from the last
 * stable offset on, the first offset of the earliest transaction that is still open.
 *
 * Derived from the log alone: its batch headers and the markers (control batches) that end transactions, in one pass that
 * runs ahead of the reading one. It starts at the log start, because a transaction that is still open may have begun
 * anywhere; `.txnindex` and producer snapshots know, but an index is never evidence. A log without transactions costs
 * the walk over its headers.
 */
export class CommittedView {
  readonly #batches: BatchesFromStart
  readonly #skipDamage: boolean
  readonly #cursor = new RecordCursor()
  /** By producer id: the first offset of its open transaction. */
  readonly #open = new Map<bigint, number>()
  readonly #aborted = new Map<bigint, AbortedTransactions>()
  #lastStableOffset = 0
  #damage: CorruptLogError | undefined

  /**
   * Reads to the end at once; with `inSteps` nothing, and then `advance` is called until it says so. With `skipDamage`, a damaged
   * place is passed over, and a marker in it is lost.
   */
  constructor(batches: BatchesFromStart, { skipDamage = false, inSteps = false } = {}) {
    this.#batches = batches
    this.#skipDamage = skipDamage
    if (!inSteps) this.advance()
  }

  /** Nothing from here on may be seen yet. Before a damaged place that the pass could not get over, its offset. */
  get lastStableOffset(): number {
    return this.#lastStableOffset
  }

  /** What keeps the last stable offset where it is, if it is not an open transaction. */
  get damage(): CorruptLogError | undefined {
    return this.#damage
  }

  /** Takes in what the log has gained, at most so many batches; true when it has come to the end. */
  advance(limit = Number.POSITIVE_INFINITY): boolean {
    let isAtEnd = false
    for (let count = 0; count < limit && !isAtEnd; count++) {
      const header = this.#next()
      isAtEnd = header === undefined
      if (header === undefined) break
      if (!header.isTransactional) continue
      if (header.isControl) this.#endTransaction(header)
      // An empty batch keeps a producer's last sequence when compaction has taken its records; it begins nothing.
      else if (header.recordsCount > 0 && !this.#open.has(header.producerId)) {
        this.#open.set(header.producerId, header.baseOffset)
      }
    }
    this.#lastStableOffset = Math.min(this.#batches.position, ...this.#open.values())
    return isAtEnd
  }

  isAborted(header: BatchHeader): boolean {
    if (!header.isTransactional) return false
    const aborted = this.#aborted.get(header.producerId)
    if (aborted === undefined) return false
    // The last one that begins at or before the batch.
    let low = 0
    let high = aborted.firsts.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (aborted.firsts[middle]! <= header.baseOffset) low = middle + 1
      else high = middle
    }
    return low > 0 && header.baseOffset <= aborted.lasts[low - 1]!
  }

  #next(): BatchHeader | undefined {
    this.#damage = undefined
    for (;;) {
      try {
        return this.#batches.next()
      } catch (error) {
        if (!(error instanceof CorruptLogError)) throw error
        // The reading pass comes to the same place and tells it; here it only ends what can be known.
        if (!this.#skipDamage) {
          this.#damage = error
          return undefined
        }
        this.#batches.skipDamage()
      }
    }
  }

  #endTransaction(header: BatchHeader): void {
    const { producerId, lastOffset } = header
    const first = this.#open.get(producerId)
    if (first === undefined) return
    this.#cursor.open(header)
    const type = this.#cursor.next() ? readControlRecord(this.#cursor).type : undefined
    if (type !== 'ABORT' && type !== 'COMMIT') return
    this.#open.delete(producerId)
    if (type === 'COMMIT') return
    let aborted = this.#aborted.get(producerId)
    if (aborted === undefined) {
      aborted = { firsts: [], lasts: [] }
      this.#aborted.set(producerId, aborted)
    }
    aborted.firsts.push(first)
    aborted.lasts.push(lastOffset)
  }
}
