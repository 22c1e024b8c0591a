import { CorruptRecordError, TooLargeWhenDecompressedError } from '../errors.ts'
import type { BatchHeader } from './batch-header.ts'
import { codecs, DEFAULT_DECOMPRESSED_LIMIT, decompress } from './compression/index.ts'
import { parseHeaders } from './headers.ts'
import { tooLarge } from './int64.ts'
import { LegacyMessageSet, type RecordFields } from './legacy-message-set.ts'
import { readVarint, readVarlong, varintEnd, varlongEnd } from './varint.ts'

export type TimestampType = 'NoTimestampType' | 'CreateTime' | 'LogAppendTime'

const noBytes = Buffer.alloc(0)

/**
 * The records of one batch, one after the other. One object serves a whole scan: `open` it on a header that was checked
 * ('whole', and its CRC where that matters), call `next` until it is false, open it on the next batch. The fields are the
 * current record's and say where in `bytes` its parts are; nothing is allocated for a record before `key()`, `value()` or
 * `headers()` ask for views.
 *
 *     length varint             bytes behind it
 *     attributes int8           0
 *     timestampDelta varlong    + baseTimestamp; without meaning where the batch says LogAppendTime
 *     offsetDelta varint        + baseOffset; grows, with gaps where compaction took records out
 *     keyLength varint, key     -1: null, and so is whatever is negative, as in Kafka's reader
 *     valueLength varint, value
 *     headers                   a count, then for each keyLength varint, key, valueLength varint, value
 *
 * `24 00 00 00 0a 6b65792d31 0e 76616c75652d31 00`: 18 bytes, deltas 0 and 0, "key-1", "value-1", no header.
 *
 * Bytes that are no such record are a CorruptRecordError, whose position counts from the start of the batch's
 * uncompressed records; the same call raises it again. No length is followed before it is known to end inside its record.
 * Headers are walked when they are asked for; before that only their count is checked. What Kafka's reader takes is taken,
 * but for offsets that do not grow or leave the batch's range, and bytes behind the last record of an empty batch: a seek
 * or a committed offset could not rely on such a log.
 */
export class RecordCursor implements RecordFields {
  /** The batch's own bytes, or what they were decompressed to. */
  bytes: Buffer = noBytes
  offset = -1
  /** In ms, -1 for none. */
  timestamp = -1
  /** -1, as `keyEnd`, if there is no key. */
  keyStart = -1
  keyEnd = -1
  valueStart = -1
  valueEnd = -1
  /** From here to `recordEnd` are the encoded headers, their count first (nothing at all for magic 0 and 1). */
  headersStart = 0
  headersCount = 0
  recordEnd = 0
  isLogAppendTime = false
  isControl = false
  magic = -1

  #at = 0
  #start = 0
  #end = 0
  #index = 0
  #count = 0
  #baseOffset = 0
  #lastOffset = 0
  #baseTimestamp = 0
  #legacy: LegacyMessageSet | undefined

  get timestampType(): TimestampType {
    if (this.magic === 0) return 'NoTimestampType'
    return this.isLogAppendTime ? 'LogAppendTime' : 'CreateTime'
  }

  /** `limit` in bytes is what the records may become when they are decompressed. */
  open(header: BatchHeader, limit = DEFAULT_DECOMPRESSED_LIMIT): void {
    this.close()
    this.magic = header.magic
    this.isControl = header.isControl
    this.isLogAppendTime = header.isLogAppendTime
    this.#baseOffset = header.baseOffset
    this.#lastOffset = header.lastOffset
    try {
      if (header.magic < 2) this.#openLegacy(header, limit)
      else this.#openBatch(header, limit)
    } catch (error) {
      this.close()
      throw withOffsets(error, header)
    }
  }

  #openLegacy(header: BatchHeader, limit: number): void {
    this.#legacy ??= new LegacyMessageSet()
    this.#legacy.open(header, limit)
  }

  #openBatch(header: BatchHeader, limit: number): void {
    const { bytes, recordsStart, recordsEnd, codecId } = header
    // Of LogAppendTime batches only maxTimestamp counts (Kafka's DefaultRecordBatch), whatever the deltas say.
    this.#baseTimestamp = header.isLogAppendTime ? header.maxTimestamp : header.baseTimestamp
    if (codecId === 0 || recordsStart === recordsEnd) {
      this.bytes = bytes
      this.#start = recordsStart
      this.#end = recordsEnd
    } else {
      this.bytes = decompress(codecs[codecId]!, bytes.subarray(recordsStart, recordsEnd), { limit })
      this.#start = 0
      this.#end = this.bytes.length
    }
    this.#at = this.#start
    this.#count = header.recordsCount
  }

  /** Goes to the next record; false behind the last one, if nothing but records was there. */
  next(): boolean {
    if (this.magic < 2) return this.#nextLegacy()
    if (this.#index === this.#count) return this.#finish()
    const { bytes } = this
    let at = this.#at
    let behind = varintEnd(bytes, at, this.#end)
    if (behind < 0) throw this.#corrupt('length is cut off', at)
    const length = readVarint(bytes, at)
    const end = behind + length
    if (length < 0 || end > this.#end) {
      throw this.#corrupt(`length of ${length} bytes where ${this.#end - behind} are left`, at)
    }

    // The attributes' byte has no meaning yet.
    at = behind + 1
    behind = varlongEnd(bytes, at, end)
    if (behind < 0) throw this.#corrupt('timestamp is cut off', at)
    const timestamp = this.isLogAppendTime ? this.#baseTimestamp : this.#baseTimestamp + readVarlong(bytes, at)
    if (!Number.isSafeInteger(timestamp)) throw tooLarge(timestamp, at - this.#start)

    at = behind
    behind = varintEnd(bytes, at, end)
    if (behind < 0) throw this.#corrupt('offset is cut off', at)
    const offset = this.#baseOffset + readVarint(bytes, at)
    if (offset <= this.offset || offset < this.#baseOffset || offset > this.#lastOffset)
      throw this.#badOffset(offset, at)

    at = this.#readKeyAndValue(behind, end)
    behind = varintEnd(bytes, at, end)
    if (behind < 0) throw this.#corrupt('count of headers is cut off', at)
    const headersCount = readVarint(bytes, at)
    // A header has two lengths at least.
    if (headersCount < 0 || headersCount * 2 > end - behind || (headersCount === 0 && behind !== end)) {
      throw this.#corrupt(`${headersCount} headers in ${end - behind} bytes`, at)
    }
    this.headersStart = at
    this.headersCount = headersCount
    this.offset = offset
    this.timestamp = timestamp
    this.recordEnd = end
    this.#at = end
    this.#index++
    return true
  }

  /** Returns the position behind the value. */
  #readKeyAndValue(at: number, end: number): number {
    const { bytes } = this
    const keyStart = varintEnd(bytes, at, end)
    if (keyStart < 0) throw this.#corrupt('length of the key is cut off', at)
    const keyLength = readVarint(bytes, at)
    const keyEnd = keyLength < 0 ? keyStart : keyStart + keyLength
    const valueStart = varintEnd(bytes, keyEnd, end)
    if (valueStart < 0) throw this.#corrupt(`key of ${keyLength} bytes where ${end - keyStart} are left`, at)
    const valueLength = readVarint(bytes, keyEnd)
    const valueEnd = valueLength < 0 ? valueStart : valueStart + valueLength
    if (valueEnd > end) throw this.#corrupt(`value of ${valueLength} bytes where ${end - valueStart} are left`, keyEnd)
    this.keyStart = keyLength < 0 ? -1 : keyStart
    this.keyEnd = keyLength < 0 ? -1 : keyEnd
    this.valueStart = valueLength < 0 ? -1 : valueStart
    this.valueEnd = valueLength < 0 ? -1 : valueEnd
    return valueEnd
  }

  #finish(): boolean {
    if (this.#at !== this.#end) {
      throw this.#corrupt(`${this.#end - this.#at} bytes are left behind the last of ${this.#count} records`, this.#at)
    }
    return false
  }

  #nextLegacy(): boolean {
    const legacy = this.#legacy
    if (legacy === undefined) return false
    try {
      if (!legacy.next(this)) return false
    } catch (error) {
      throw withOffsets(error, { baseOffset: this.#lastOffset, lastOffset: this.#lastOffset })
    }
    this.recordEnd = this.headersStart
    return true
  }

  /** Forgets the batch, so that its bytes can be collected. */
  close(): void {
    this.bytes = noBytes
    this.offset = -1
    this.#at = 0
    this.#start = 0
    this.#end = 0
    this.#index = 0
    this.#count = 0
    this.#legacy?.close()
  }

  /** A view, valid as long as the batch's bytes are. */
  key(): Buffer | null {
    return this.keyStart < 0 ? null : this.bytes.subarray(this.keyStart, this.keyEnd)
  }

  value(): Buffer | null {
    return this.valueStart < 0 ? null : this.bytes.subarray(this.valueStart, this.valueEnd)
  }

  /** Views, in the record's order; a key may come twice. */
  headers(): [Buffer, Buffer | null][] {
    if (this.headersCount === 0) return []
    try {
      return parseHeaders(this.bytes, this.headersStart, this.recordEnd)
    } catch (error) {
      const { message, position } = error as CorruptRecordError
      throw this.#corrupt(message, this.headersStart + (position ?? 0), this.#index)
    }
  }

  #badOffset(offset: number, at: number): CorruptRecordError {
    const least = Math.max(this.#baseOffset, this.offset + 1)
    return this.#corrupt(`wrong offset, expected ${least} to ${this.#lastOffset}, found ${offset}`, at)
  }

  #corrupt(message: string, at: number, record = Math.min(this.#index + 1, this.#count)): CorruptRecordError {
    return new CorruptRecordError(
      `record ${record} of ${this.#count}: ${message} (in the batch's uncompressed records)`,
      {
        position: at - this.#start,
        firstOffset: this.#baseOffset,
        lastOffset: this.#lastOffset,
      },
    )
  }
}

/** The same error with the offsets of the batch, which the decompressors do not know. */
function withOffsets(error: unknown, { baseOffset, lastOffset }: { baseOffset: number; lastOffset: number }): unknown {
  const isCorrupt = error instanceof CorruptRecordError
  if (!isCorrupt && !(error instanceof TooLargeWhenDecompressedError)) return error
  const details = { ...error, firstOffset: baseOffset, lastOffset, cause: error.cause }
  return isCorrupt
    ? new CorruptRecordError(error.message, details)
    : new TooLargeWhenDecompressedError(error.message, details)
}
