/** Marks that lie closer together in the output become one: a reader that has half of it gets both again. */
const LEAST_DISTANCE_BYTES = 64
/** How many marks in front are used up before the arrays are moved together. */
const COMPACT_AT = 16 * 1024

/**
 * Which offsets the reader of our output has. A mark says that a partition was printed up to an offset once so many bytes of
 * the output are taken; `take` says how many are. The marks are held in arrays, in the order of the output.
 */
export class DeliveredOffsets {
  /** The next offset to deliver, by partition, as far as the output was taken. */
  readonly offsets: number[] = []
  #ends: number[] = []
  #partitions: number[] = []
  #nextOffsets: number[] = []
  /** Marks before this one are used up. */
  #first = 0
  /** By partition: its latest mark, -1 if that is used up. */
  readonly #latest: number[] = []
  /** Where the last mark was when it was made; it moves on with further records for a while. */
  #lastMade = 0

  /** A partition and the offset from which it is read. */
  begin(partition: number, offset: number): void {
    this.offsets[partition] = offset
    this.#latest[partition] = -1
  }

  /** Everything of the partition below `nextOffset` was printed, or never will be, once `end` bytes of output are taken. */
  add(partition: number, end: number, nextOffset: number): void {
    const latest = this.#latest[partition]!
    const last = this.#ends.length - 1
    const isNear = latest >= 0 && latest === last && end - this.#lastMade < LEAST_DISTANCE_BYTES
    // Without output in between, as where a filter lets nothing through, the mark stays where it is.
    if (isNear || (latest >= 0 && this.#ends[latest] === end)) {
      this.#ends[latest] = end
      this.#nextOffsets[latest] = nextOffset
      return
    }
    this.#latest[partition] = this.#ends.length
    this.#lastMade = end
    this.#ends.push(end)
    this.#partitions.push(partition)
    this.#nextOffsets.push(nextOffset)
  }

  /** So many bytes of the output are in the reader's hands. */
  take(bytes: number): void {
    for (; this.#first < this.#ends.length && this.#ends[this.#first]! <= bytes; this.#first++) {
      const partition = this.#partitions[this.#first]!
      this.offsets[partition] = this.#nextOffsets[this.#first]!
      if (this.#latest[partition] === this.#first) this.#latest[partition] = -1
    }
    if (this.#first >= COMPACT_AT) this.#compact()
  }

  #compact(): void {
    this.#ends = this.#ends.slice(this.#first)
    this.#partitions = this.#partitions.slice(this.#first)
    this.#nextOffsets = this.#nextOffsets.slice(this.#first)
    for (const [partition, latest] of this.#latest.entries())
      if (latest >= 0) this.#latest[partition] = latest - this.#first
    this.#first = 0
  }
}
