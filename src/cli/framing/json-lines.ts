import { isUtf8 } from 'node:buffer'
import { type AppendFields, InvalidRecordError } from '../../log/index.ts'
import type { Framing, InputWindow, RecordTarget, Taken } from './framing.ts'
import { JsonRecord } from './json-record.ts'
import { recordTooLarge } from './too-large.ts'

const NEWLINE = 0x0a

export interface JsonLinesOptions {
  /** The key of records without the field. */
  key?: Buffer
  /** Forgets the partitions that the records name. */
  ignorePartition?: boolean
  skipEmpty?: boolean
}

/** One JSON object a line, as `read -J` prints them. */
export class JsonLinesFraming implements Framing {
  readonly unit = 'line'
  readonly #record = new JsonRecord()
  readonly #fields: AppendFields = {}
  readonly #key: Buffer | undefined
  readonly #ignorePartition: boolean
  readonly #skipEmpty: boolean
  /** All whole lines that are there are known to be UTF-8. */
  #isUtf8 = false
  /** Bytes behind `input.start` that hold no newline. */
  #searchedBytes = 0

  constructor(options: JsonLinesOptions = {}) {
    this.#key = options.key
    this.#ignorePartition = options.ignorePartition ?? false
    this.#skipEmpty = options.skipEmpty ?? false
  }

  take(input: InputWindow, target: RecordTarget): Taken {
    const { bytes, end } = input
    const searched = input.start + this.#searchedBytes
    const behind = searched + bytes.subarray(searched, end).lastIndexOf(NEWLINE) + 1
    if (behind > searched) {
      this.#searchedBytes = 0
      // For many lines at once; only where that fails they are checked one by one.
      this.#isUtf8 = isUtf8(bytes.subarray(input.start, behind))
      while (input.start < behind) {
        const newline = bytes.indexOf(NEWLINE, input.start)
        if (!this.#append(target, bytes, input.start, newline)) return 'full'
        input.start = newline + 1
        input.ordinal++
      }
    }
    this.#searchedBytes = end - input.start
    // Escapes and base64 make a line longer than its record, by six bytes for one at most; the names of the fields count little.
    if (this.#searchedBytes > target.maxMessageBytes * 6 + 1024) throw recordTooLarge(this.#searchedBytes, target, true)
    return input.hasEnded && input.start < end ? this.#takeLast(input, target) : 'more'
  }

  #takeLast(input: InputWindow, target: RecordTarget): Taken {
    this.#isUtf8 = false
    try {
      if (!this.#append(target, input.bytes, input.start, input.end)) {
        this.#searchedBytes = 0
        return 'full'
      }
    } catch (error) {
      if (!(error instanceof InvalidRecordError)) throw error
      input.endsInside(error)
      return 'more'
    }
    input.start = input.end
    input.ordinal++
    return 'more'
  }

  #append(target: RecordTarget, bytes: Buffer, start: number, end: number): boolean {
    if (this.#skipEmpty && start === end) return true
    if (!this.#isUtf8 && !isUtf8(bytes.subarray(start, end))) {
      throw new InvalidRecordError('not UTF-8', {
        position: start + validUtf8Length(bytes.subarray(start, end)),
        hint: 'bytes that are no UTF-8 go into {"base64": "…"}',
      })
    }
    const record = this.#record
    const fields = this.#fields
    record.parse(bytes, start, end)
    fields.timestamp = record.timestamp
    fields.headers = record.headers
    fields.partition = this.#ignorePartition ? undefined : record.partition
    const { valueBytes, valueStart, valueEnd } = record
    if (!record.hasKey && this.#key !== undefined) {
      return target.append(this.#key, 0, this.#key.length, valueBytes, valueStart, valueEnd, fields)
    }
    return target.append(record.keyBytes, record.keyStart, record.keyEnd, valueBytes, valueStart, valueEnd, fields)
  }
}

/** Length of the longest beginning made of whole characters. */
function validUtf8Length(bytes: Buffer): number {
  let at = 0
  while (at < bytes.length) {
    const byte = bytes[at]!
    const length = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
    if (length > 1 && !isUtf8(bytes.subarray(at, at + length))) break
    at += length
  }
  return at
}
