import type { RecordTarget } from '../../src/cli/framing/framing.ts'
import { type AppendFields, InvalidArgumentError, RecordTooLargeError } from '../../src/log/index.ts'

export interface RecordedRecord {
  key: string | null
  value: string | null
  headers?: string
  timestamp?: number
  partition?: number
}

/**
 * A target for framings that remembers what it is given, bytes as latin1 text, and is full after every `capacity` records,
 * as often as possible by default, so that each test goes through the flushes too.
 */
export class RecordingTarget implements RecordTarget {
  readonly taken: RecordedRecord[] = []
  readonly maxMessageBytes: number
  records = 0
  flushes = 0
  readonly #capacity: number
  #held = 0

  constructor({ capacity = 1, maxMessageBytes = 1_048_588 } = {}) {
    this.#capacity = capacity
    this.maxMessageBytes = maxMessageBytes
  }

  get values(): (string | null)[] {
    return this.taken.map(record => record.value)
  }

  append(
    key: Buffer | null,
    keyStart: number,
    keyEnd: number,
    value: Buffer | null,
    valueStart: number,
    valueEnd: number,
    fields: AppendFields = {},
  ): boolean {
    const bytes = Math.max(0, keyEnd - keyStart) + Math.max(0, valueEnd - valueStart)
    if (bytes > this.maxMessageBytes) throw new RecordTooLargeError('too large', { position: valueStart })
    if (fields.partition === 99) throw new InvalidArgumentError('no partition 99')
    if (this.#held === this.#capacity) return false
    const record: RecordedRecord = {
      key: key?.toString('latin1', keyStart, keyEnd) ?? null,
      value: value?.toString('latin1', valueStart, valueEnd) ?? null,
    }
    if (fields.headers !== undefined) record.headers = fields.headers.toString('latin1')
    if (fields.timestamp !== undefined) record.timestamp = fields.timestamp
    if (fields.partition !== undefined) record.partition = fields.partition
    this.taken.push(record)
    this.records++
    this.#held++
    return true
  }

  appendDelimited(
    input: Buffer,
    start: number,
    end: number,
    delimiterByte: number,
    skipEmpty = false,
    emptyAsNull = false,
  ): number {
    let at = start
    for (;;) {
      const found = input.indexOf(delimiterByte, at)
      if (found < 0 || found >= end) return at
      const isEmpty = found === at
      if (!(isEmpty && skipEmpty) && !this.append(null, -1, -1, isEmpty && emptyAsNull ? null : input, at, found))
        return at
      at = found + 1
    }
  }

  async flushFull(): Promise<void> {
    this.flushes++
    this.#held = 0
  }
}
