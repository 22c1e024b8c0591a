import type { Framing, InputWindow, RecordTarget, Taken } from './framing.ts'
import type { RecordRules } from './record-rules.ts'
import { recordTooLarge } from './too-large.ts'

/**
 * Records that end with a delimiter of one byte or more: lines, NUL-terminated records, anything else. Nothing is decoded;
 * a last record without its delimiter is one too, and an empty piece is an empty record unless `skipEmpty`.
 */
export class DelimitedFraming implements Framing {
  readonly unit = 'line'
  readonly #delimiter: Buffer
  readonly #rules: RecordRules
  readonly #skipEmpty: boolean
  /** The fast way: the target splits and encodes a whole chunk in one call. */
  readonly #isBulk: boolean
  /** Bytes behind `input.start` that hold no delimiter: a long record that comes in small pieces is searched once. */
  #searchedBytes = 0

  constructor(delimiter: Buffer, rules: RecordRules, skipEmpty: boolean) {
    this.#delimiter = delimiter
    this.#rules = rules
    this.#skipEmpty = skipEmpty
    this.#isBulk = delimiter.length === 1 && rules.isBare
  }

  take(input: InputWindow, target: RecordTarget): Taken {
    const taken = this.#isBulk ? this.#takeChunk(input, target) : this.#takeEach(input, target)
    if (taken === 'full') return 'full'
    if (input.end - input.start > target.maxMessageBytes) throw recordTooLarge(input.end - input.start, target, true)
    return input.hasEnded ? this.#takeLast(input, target) : 'more'
  }

  #takeChunk(input: InputWindow, target: RecordTarget): Taken {
    const delimiterByte = this.#delimiter[0]!
    const from = input.start + this.#searchedBytes
    const last = from + input.bytes.subarray(from, input.end).lastIndexOf(delimiterByte)
    if (last < from) {
      this.#searchedBytes = input.end - input.start
      return 'more'
    }
    this.#searchedBytes = 0
    const records = target.records
    const start = input.start
    try {
      const { emptyIsTombstone } = this.#rules
      const end = last + 1
      input.start = target.appendDelimited(input.bytes, start, end, delimiterByte, this.#skipEmpty, emptyIsTombstone)
    } catch (error) {
      this.#passPieces(input, target.records - records)
      throw error
    }
    input.ordinal += this.#skipEmpty ? this.#countDelimiters(input, start) : target.records - records
    if (input.start <= last) return 'full'
    this.#searchedBytes = input.end - input.start
    return 'more'
  }

  #takeEach(input: InputWindow, target: RecordTarget): Taken {
    const { bytes, end } = input
    const delimiter = this.#delimiter
    const wanted = delimiter.length === 1 ? delimiter[0]! : delimiter
    for (;;) {
      const at = bytes.indexOf(wanted, input.start + this.#searchedBytes)
      if (at < 0 || at + delimiter.length > end) {
        // The delimiter's first bytes may be there already.
        this.#searchedBytes = Math.max(0, end - input.start - delimiter.length + 1)
        return 'more'
      }
      const isSkipped = this.#skipEmpty && at === input.start
      if (!isSkipped && !this.#rules.append(target, bytes, input.start, at)) {
        this.#searchedBytes = at - input.start
        return 'full'
      }
      this.#searchedBytes = 0
      input.start = at + delimiter.length
      input.ordinal++
    }
  }

  #takeLast(input: InputWindow, target: RecordTarget): Taken {
    if (input.start === input.end) return 'more'
    if (!this.#rules.append(target, input.bytes, input.start, input.end)) return 'full'
    input.start = input.end
    input.ordinal++
    return 'more'
  }

  /** Moves the input to the record that was refused: behind the `count` that were taken before it. */
  #passPieces(input: InputWindow, count: number): void {
    let left = count
    for (;;) {
      const at = input.bytes.indexOf(this.#delimiter[0]!, input.start)
      const isSkipped = this.#skipEmpty && at === input.start
      if (!isSkipped && left-- === 0) return
      input.start = at + 1
      input.ordinal++
    }
  }

  #countDelimiters(input: InputWindow, from: number): number {
    const delimiterByte = this.#delimiter[0]!
    let count = 0
    for (let at = from; at < input.start; count++) at = input.bytes.indexOf(delimiterByte, at) + 1
    return count
  }
}
