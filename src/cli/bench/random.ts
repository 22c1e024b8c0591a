/** xorshift32: the same numbers for the same seed on every machine, good enough for positions and letters. */
export class Random {
  #state: number

  constructor(seed: number) {
    // The one state that it never leaves.
    this.#state = seed | 0 || 1
  }

  /** 32 bits, as a signed number. */
  next(): number {
    let state = this.#state
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    this.#state = state
    return state
  }

  /** A whole number from 0 to below `limit`, which is at most 2^32. */
  below(limit: number): number {
    return Math.floor(((this.next() >>> 0) / 2 ** 32) * limit)
  }
}
