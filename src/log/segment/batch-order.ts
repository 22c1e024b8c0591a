import type { BatchHeader } from '../record/batch-header.ts'

/** What a partition's own writers guarantee about its batches, beyond what each batch says of itself. */
export interface OrderRules {
  /**
   * Offsets have no gaps inside a segment: true for a topic that only loglady wrote. A broker's log may be compacted.
   */
  dense: boolean
  /** The leader epoch that the batch at an offset must carry, undefined where the epochs are not known. */
  epochAt?: (offset: number) => number | undefined
}

/**
 * Checks the two fields that neither the CRC nor the header itself vouches for: base offset and leader epoch. A flipped
 * bit there would show a record under another offset, or send a follower back to the wrong place.
 */
export class BatchOrder {
  readonly #rules: OrderRules
  /** Offset that the next batch must have (dense) or at least have; -1 before the first one. */
  expected = -1

  constructor(rules: OrderRules) {
    this.#rules = rules
  }

  /** What is wrong with this batch at this place, or undefined; then `expected` has moved behind it. */
  accept(header: BatchHeader): string | undefined {
    const { expected } = this
    if (expected >= 0) {
      // A compressed message set of magic 0 and 1 names only its last offset.
      const base = header.baseOffset
      if (base < expected) return `wrong base offset, expected ${expected} or more, found ${base}`
      if (this.#rules.dense && header.magic === 2 && base !== expected) {
        return `wrong base offset, expected ${expected}, found ${base}`
      }
    }
    if (header.magic === 2) {
      const epoch = this.#rules.epochAt?.(header.baseOffset)
      if (epoch !== undefined && header.leaderEpoch !== epoch) {
        return `wrong leader epoch, expected ${epoch}, found ${header.leaderEpoch}`
      }
    }
    this.expected = header.nextOffset
    return undefined
  }
}
