/** What hyperfine says of a series of times, in its words. */
export interface Statistics {
  mean: number
  /** Of a sample (n - 1); null of a single run, as in hyperfine's JSON. */
  stddev: number | null
  median: number
  min: number
  max: number
}

/** Of one value or more. */
export function statisticsOf(values: readonly number[]): Statistics {
  const mean = meanOf(values)
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return {
    mean,
    stddev: values.length < 2 ? null : Math.sqrt(squares / (values.length - 1)),
    median: medianOf(values),
    min: Math.min(...values),
    max: Math.max(...values),
  }
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
