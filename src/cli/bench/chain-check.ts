import { ChainHash, HASH_DIGITS, HEAD_BYTES, readHex, SEQUENCE_DIGITS } from './chain.ts'

/** What reading back has found. */
export interface ReadBack {
  /** Read, whatever they were. */
  records: number
  lost: number
  duplicated: number
  /** Behind one that was to come after it. */
  outOfOrder: number
  /** What they say of themselves, or of the record before, is not true. */
  altered: number
  /** The first thing that was wrong. */
  problem: string | undefined
}

const NONE = -1

/** Takes the records of a benchmark's log from offset 0 on, as they are read, and says what became of them; see chain.ts. */
export class ChainCheck {
  readonly #expected: number
  readonly #hash = new ChainHash()
  /** A bit for each record that was seen. */
  readonly #seen: Uint8Array
  #records = 0
  #distinct = 0
  /** Sequence number of the record before, and the largest one so far. */
  #previous = NONE
  #largest = NONE
  /** Of records too short for a sequence number: the chain has broken, and says nothing any more. */
  #isBroken = false
  #duplicated = 0
  #outOfOrder = 0
  #altered = 0
  #problem: string | undefined

  constructor(expectedRecords: number) {
    this.#expected = expectedRecords
    this.#seen = new Uint8Array(Math.ceil(expectedRecords / 8))
  }

  /** The record in `bytes[start, end)`; a start of -1 is a null. */
  accept(bytes: Buffer, start: number, end: number): void {
    this.#records++
    if (start < 0) this.#alter('is null')
    else if (end - start < HEAD_BYTES) this.#acceptShort(bytes, start, end)
    else this.#acceptLong(bytes, start, end)
  }

  finish(): ReadBack {
    const isShort = this.#largest === NONE
    const lost = Math.max(0, this.#expected - (isShort ? this.#records : this.#distinct))
    const duplicated = isShort ? Math.max(0, this.#records - this.#expected) : this.#duplicated
    if (lost > 0) this.#problem ??= `${lost} of ${this.#expected} records are missing at the end`
    if (duplicated > 0) this.#problem ??= `${this.#records} records instead of ${this.#expected}`
    return {
      records: this.#records,
      lost,
      duplicated,
      outOfOrder: this.#outOfOrder,
      altered: this.#altered,
      problem: this.#problem,
    }
  }

  #acceptShort(bytes: Buffer, start: number, end: number): void {
    if (this.#isBroken) return
    const digits = Math.min(end - start, HASH_DIGITS)
    this.#hash.next(this.#records - 1, bytes, start, start)
    const isRight = this.#hash.hasDigits(bytes, start, digits)
    this.#hash.keep(digits)
    if (isRight) return
    this.#isBroken = true
    this.#alter('does not follow the one before it')
  }

  #acceptLong(bytes: Buffer, start: number, end: number): void {
    const sequence = readHex(bytes, start, SEQUENCE_DIGITS)
    if (sequence < 0 || sequence >= this.#expected) {
      this.#alter('has no number of its own')
      return
    }
    const follows = sequence === this.#previous + 1
    // Behind a gap, or a record that came too late, nothing is known of the record before.
    if (follows) {
      this.#hash.next(sequence, bytes, start + HEAD_BYTES, end)
      const isRight = this.#hash.hasDigits(bytes, start + SEQUENCE_DIGITS, HASH_DIGITS)
      if (!isRight) this.#alter('was changed, or the one before it')
    }
    if (!this.#hash.resume(bytes, start + SEQUENCE_DIGITS) && !follows) this.#alter('has no hash')
    this.#place(sequence)
    this.#previous = sequence
  }

  #place(sequence: number): void {
    const bit = 1 << (sequence & 7)
    if ((this.#seen[sequence >>> 3]! & bit) !== 0) {
      this.#duplicated++
      this.#problem ??= `offset ${this.#records - 1} holds record ${sequence} once more`
      return
    }
    this.#seen[sequence >>> 3]! |= bit
    this.#distinct++
    if (sequence < this.#largest) this.#outOfOrder++
    if (sequence !== this.#largest + 1) {
      this.#problem ??= `offset ${this.#records - 1} holds record ${sequence}, expected ${this.#largest + 1}`
    }
    this.#largest = Math.max(this.#largest, sequence)
  }

  #alter(what: string): void {
    this.#altered++
    this.#problem ??= `the record at offset ${this.#records - 1} ${what}`
  }
}

/** Whether everything that was sent is there once and in order, unchanged. */
export function isWhole({ problem }: ReadBack): boolean {
  return problem === undefined
}
