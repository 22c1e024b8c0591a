import { crc32 } from 'node:zlib'
import { CorruptRecordError } from '../errors.ts'
import {
  BASE_OFFSET,
  BATCH_LENGTH,
  type BatchHeader,
  CODEC_MASK,
  HEADER_SIZE_UP_TO_MAGIC,
  LEGACY_ATTRIBUTES,
  LEGACY_CRC,
  LEGACY_KEY_V0,
  LEGACY_KEY_V1,
  LEGACY_OVERHEAD_V0,
  LEGACY_OVERHEAD_V1,
  LEGACY_TIMESTAMP,
  LOG_APPEND_TIME_FLAG,
  LOG_OVERHEAD,
  MAGIC,
} from './batch-header.ts'
import { codecs, decompress } from './compression/index.ts'
import { readInt64 } from './int64.ts'

/** What a message fills in: the fields of a RecordCursor that say where the record's parts are. */
export interface RecordFields {
  bytes: Buffer
  offset: number
  timestamp: number
  isLogAppendTime: boolean
  keyStart: number
  keyEnd: number
  valueStart: number
  valueEnd: number
  headersStart: number
  headersCount: number
}

const noBytes = Buffer.alloc(0)

/**
 * The messages of one entry of magic 0 or 1 (batch-header.ts has their bytes). An entry without a codec is its one
 * message. With a codec it is a wrapper, whose value is a compressed message set:
 *
 * - magic 0: the inner entries have their own absolute offsets;
 * - magic 1: the inner offsets count from 0 and the wrapper has the last one's absolute offset, so three messages 0 1 2
 *   in a wrapper of offset 17 are 15, 16 and 17. A wrapper of offset 0 (old librdkafka) counts from 0. If the wrapper
 *   says LogAppendTime its timestamp is that of every message in it.
 *
 * Wrappers in wrappers are invalid. The inner messages have a CRC each, which is checked here; the outer one is the
 * batch header's. A message that is cut off is damage here (Kafka's reader drops it). Kafka 4 reads these formats and never
 * writes them, and neither do we.
 */
export class LegacyMessageSet {
  #bytes: Buffer = noBytes
  #at = 0
  #end = 0
  /** Where the positions in errors count from. */
  #start = 0
  #isWrapped = false
  #offsetBase = 0
  #lastOffset = -1
  /** The wrapper's, for magic 1 with LogAppendTime; undefined elsewhere. */
  #appendTime: number | undefined
  /** Of the wrapper: inner messages of magic 1 have its timestamp type. */
  #isLogAppendTime = false

  open(header: BatchHeader, limit: number): void {
    this.#isWrapped = header.codecId !== 0
    this.#isLogAppendTime = header.isLogAppendTime
    this.#appendTime = undefined
    this.#offsetBase = 0
    this.#lastOffset = -1
    this.#bytes = header.bytes
    this.#at = header.recordsStart
    this.#end = header.recordsEnd
    if (this.#isWrapped) this.#unwrap(header, limit)
    this.#start = this.#at
  }

  close(): void {
    this.#bytes = noBytes
    this.#at = 0
    this.#end = 0
  }

  /** Fills in the next message; false behind the last one. */
  next(record: RecordFields): boolean {
    if (this.#at >= this.#end) return false
    const bytes = this.#bytes
    const at = this.#at
    const end = this.#entryEnd()
    const magic = bytes[at + MAGIC]!
    const attributes = bytes[at + LEGACY_ATTRIBUTES]!
    if (this.#isWrapped) this.#checkInner(at, end, attributes)
    const offset = this.#offsetBase + readInt64(bytes, at + BASE_OFFSET)
    if (offset <= this.#lastOffset) {
      throw this.#corrupt(`wrong offset, expected above ${this.#lastOffset}, found ${offset}`, BASE_OFFSET)
    }
    this.#lastOffset = offset
    record.bytes = bytes
    record.offset = offset
    record.isLogAppendTime = magic === 1 && (this.#isWrapped ? this.#isLogAppendTime : isAppendTime(attributes))
    record.timestamp = magic === 0 ? -1 : (this.#appendTime ?? readInt64(bytes, at + LEGACY_TIMESTAMP))
    this.#fillKeyAndValue(record, at + (magic === 0 ? LEGACY_KEY_V0 : LEGACY_KEY_V1), end)
    this.#at = end
    return true
  }

  #fillKeyAndValue(record: RecordFields, keyLengthAt: number, end: number): void {
    const bytes = this.#bytes
    const keyStart = keyLengthAt + 4
    const keyLength = Math.max(-1, bytes.readInt32BE(keyLengthAt))
    const keyEnd = keyStart + Math.max(0, keyLength)
    // Four bytes of the value's length must be there too.
    if (keyEnd > end - 4) throw this.#corrupt(`key of ${keyLength} bytes does not fit`, keyLengthAt - this.#at)
    const valueStart = keyEnd + 4
    const valueLength = Math.max(-1, bytes.readInt32BE(keyEnd))
    const valueEnd = valueStart + Math.max(0, valueLength)
    if (valueEnd !== end) {
      const found = `value of ${valueLength} bytes where ${end - valueStart} are left`
      throw this.#corrupt(found, keyEnd - this.#at)
    }
    record.keyStart = keyLength < 0 ? -1 : keyStart
    record.keyEnd = keyLength < 0 ? -1 : keyEnd
    record.valueStart = valueLength < 0 ? -1 : valueStart
    record.valueEnd = valueLength < 0 ? -1 : valueEnd
    record.headersStart = end
    record.headersCount = 0
  }

  /** Decompresses the wrapper's value and finds out what its inner offsets count from. */
  #unwrap(header: BatchHeader, limit: number): void {
    const { bytes, position, magic, codecId } = header
    const end = position + header.sizeInBytes
    const keyLengthAt = position + (magic === 0 ? LEGACY_KEY_V0 : LEGACY_KEY_V1)
    const valueLengthAt = keyLengthAt + 4 + Math.max(0, bytes.readInt32BE(keyLengthAt))
    if (valueLengthAt > end - 4 || valueLengthAt + 4 + bytes.readInt32BE(valueLengthAt) !== end) {
      throw new CorruptRecordError('value of the compressed message does not end where the message does', {
        position: valueLengthAt - position,
        firstOffset: header.lastOffset,
      })
    }
    this.#bytes = decompress(codecs[codecId]!, bytes.subarray(valueLengthAt + 4, end), { magic, limit })
    this.#at = 0
    this.#end = this.#bytes.length
    this.#start = 0
    if (this.#isLogAppendTime) this.#appendTime = header.maxTimestamp
    const last = this.#lastInnerOffset()
    if (magic === 1 && header.lastOffset > 0) this.#offsetBase = header.lastOffset - last
    if (this.#offsetBase < 0 || (magic === 0 && last > header.lastOffset)) {
      const found = `wrong offset of the last message, expected ${header.lastOffset} at most, found ${last}`
      throw this.#corrupt(found, BASE_OFFSET)
    }
  }

  #lastInnerOffset(): number {
    if (this.#end === 0) throw this.#corrupt('compressed message set is empty', 0)
    let last = 0
    while (this.#at < this.#end) {
      last = this.#at
      this.#at = this.#entryEnd()
    }
    this.#at = 0
    return readInt64(this.#bytes, last + BASE_OFFSET)
  }

  /** Checks magic and size of the entry at #at and returns where it ends. */
  #entryEnd(): number {
    const at = this.#at
    const left = this.#end - at
    if (left < HEADER_SIZE_UP_TO_MAGIC) throw this.#corrupt(`message is cut off after ${left} bytes`, 0)
    const magic = this.#bytes[at + MAGIC]!
    if (magic > 1) throw this.#corrupt(`wrong magic, expected 0 or 1, found ${magic}`, MAGIC)
    const size = LOG_OVERHEAD + this.#bytes.readInt32BE(at + BATCH_LENGTH)
    const least = magic === 0 ? LEGACY_OVERHEAD_V0 : LEGACY_OVERHEAD_V1
    if (size < least || size > left) {
      throw this.#corrupt(`wrong message size, expected ${least} to ${left}, found ${size}`, BATCH_LENGTH)
    }
    return at + size
  }

  #checkInner(at: number, end: number, attributes: number): void {
    if ((attributes & CODEC_MASK) !== 0) {
      throw this.#corrupt('compressed message in a compressed message', LEGACY_ATTRIBUTES)
    }
    const expected = this.#bytes.readUInt32BE(at + LEGACY_CRC)
    const found = crc32(this.#bytes.subarray(at + MAGIC, end))
    if (expected !== found) throw this.#corrupt(`CRC mismatch, expected ${expected}, found ${found}`, LEGACY_CRC)
  }

  /** `field` counts from the entry at #at. */
  #corrupt(message: string, field: number): CorruptRecordError {
    const where = this.#isWrapped ? ' (in the decompressed message set)' : ''
    return new CorruptRecordError(message + where, { position: this.#at - this.#start + field })
  }
}

function isAppendTime(attributes: number): boolean {
  return (attributes & LOG_APPEND_TIME_FLAG) !== 0
}
