/** Marks that lie closer together in the output become one: a reader that has half of it gets both again. */
const LEAST_DISTANCE_BYTES = 64

const FIRST_CAPACITY = 4096

/**
 * Which offsets the reader of our output has. A mark says that a partition was printed up to an offset once so many bytes of
 * the output are taken; `take` says how many are. The marks are kept in a ring of numbers, in the order of the output: there
 * may be one for each record.
 */
export class DeliveredOffsets {
  /** The next offset to deliver, by partition, as far as the output was taken. */
  readonly offsets: number[] = []
  // The ring. Marks are numbered from the first one ever made; number n is at n % capacity.
  #ends = new Float64Array(FIRST_CAPACITY)
  #nextOffsets = new Float64Array(FIRST_CAPACITY)
  #partitions = new Int32Array(FIRST_CAPACITY)
  /** Marks before this one are used up. */
  #first = 0
  /** Behind the last mark. */
  #end = 0
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
    const at = this.#at(latest)
    const isLast = latest >= 0 && latest === this.#end - 1
    // Without output in between, as where a filter lets nothing through, the mark stays where it is.
    if ((isLast && end - this.#lastMade < LEAST_DISTANCE_BYTES) || (latest >= 0 && this.#ends[at] === end)) {
      this.#ends[at] = end
      this.#nextOffsets[at] = nextOffset
      return
    }
    if (this.#end - this.#first === this.#ends.length) this.#grow()
    const place = this.#at(this.#end)
    this.#ends[place] = end
    this.#nextOffsets[place] = nextOffset
    this.#partitions[place] = partition
    this.#latest[partition] = this.#end++
    this.#lastMade = end
  }

  /** So many bytes of the output are in the reader's hands. */
  take(bytes: number): void {
    for (; this.#first < this.#end; this.#first++) {
      const at = this.#at(this.#first)
      if (this.#ends[at]! > bytes) return
      const partition = this.#partitions[at]!
      this.offsets[partition] = this.#nextOffsets[at]!
      if (this.#latest[partition] === this.#first) this.#latest[partition] = -1
    }
  }

  #at(mark: number): number {
    return mark % this.#ends.length
  }

  #grow(): void {
    const { length } = this.#ends
    const ends = new Float64Array(2 * length)
    const nextOffsets = new Float64Array(2 * length)
    const partitions = new Int32Array(2 * length)
    for (let mark = this.#first; mark < this.#end; mark++) {
      const from = this.#at(mark)
      const to = mark % (2 * length)
      ends[to] = this.#ends[from]!
      nextOffsets[to] = this.#nextOffsets[from]!
      partitions[to] = this.#partitions[from]!
    }
    this.#ends = ends
    this.#nextOffsets = nextOffsets
    this.#partitions = partitions
  }
}
