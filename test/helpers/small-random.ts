export interface SmallRandom {
  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number
}

/**
 * Repeatable random numbers for long tests, where fast-check's shrinking would be no help: the linear congruential generator
 * of Numerical Recipes, of whose state only the upper bits are used, since the lower ones have short periods.
 */
export function smallRandom(seed: number): SmallRandom {
  let state = seed | 0
  return {
    below(limit) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
      return Math.floor(((state >>> 8) / 2 ** 24) * limit)
    },
  }
}
