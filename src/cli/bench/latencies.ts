/** ms; weighted by records. */
export interface LatencySummary {
  average: number
  max: number
  p50: number
  p95: number
  p99: number
  p999: number
}

/** Bounds of neighbouring classes differ by 1%, so a percentile is right to half of that. */
const GROWTH = Math.log(1.01)
const SMALLEST_MS = 1e-4

/**
 * How long records took from one moment to another, for any number of them in little memory: classes that grow by 1%,
 * as HdrHistogram has them. Average and maximum are exact.
 */
export class Latencies {
  readonly #counts: number[] = []
  #records = 0
  #sum = 0
  #max = 0

  add(milliseconds: number, records = 1): void {
    if (records <= 0) return
    const index = Math.max(0, Math.round(Math.log(Math.max(milliseconds, SMALLEST_MS) / SMALLEST_MS) / GROWTH))
    this.#counts[index] = (this.#counts[index] ?? 0) + records
    this.#records += records
    this.#sum += milliseconds * records
    if (milliseconds > this.#max) this.#max = milliseconds
  }

  merge(other: Latencies): void {
    for (const [index, count = 0] of other.#counts.entries()) this.#counts[index] = (this.#counts[index] ?? 0) + count
    this.#records += other.#records
    this.#sum += other.#sum
    this.#max = Math.max(this.#max, other.#max)
  }

  summary(): LatencySummary {
    const average = this.#records === 0 ? 0 : this.#sum / this.#records
    const [p50, p95, p99, p999] = this.#percentiles([0.5, 0.95, 0.99, 0.999]) as [number, number, number, number]
    return { average, max: this.#max, p50, p95, p99, p999 }
  }

  /** `shares` rise. */
  #percentiles(shares: readonly number[]): number[] {
    const found: number[] = []
    let seen = 0
    for (const [index, count = 0] of this.#counts.entries()) {
      seen += count
      while (found.length < shares.length && seen >= shares[found.length]! * this.#records) {
        found.push(Math.min(SMALLEST_MS * Math.exp(index * GROWTH), this.#max))
      }
    }
    return shares.map((_, i) => found[i] ?? this.#max)
  }
}

/** The latencies of records that are handed over in one order, and acknowledged in the same order but in other groups. */
export class Acknowledgements {
  readonly latencies = new Latencies()
  /** Of each group that waits: the number of records up to its end, and when they were handed over. */
  readonly #waiting: { upTo: number; at: number }[] = []
  #first = 0
  #acknowledged = 0

  /** All records up to this number, those before it excepted, were handed over at `at` (ms). */
  handedOver(upTo: number, at: number): void {
    this.#waiting.push({ upTo, at })
  }

  acknowledged(upTo: number, at: number): void {
    while (this.#acknowledged < upTo && this.#first < this.#waiting.length) {
      const group = this.#waiting[this.#first]!
      const end = Math.min(group.upTo, upTo)
      this.latencies.add(at - group.at, end - this.#acknowledged)
      this.#acknowledged = end
      if (end === group.upTo) this.#first++
    }
    if (this.#first === this.#waiting.length) {
      this.#waiting.length = 0
      this.#first = 0
    }
  }
}
