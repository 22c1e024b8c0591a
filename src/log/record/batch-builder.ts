import { InvalidRecordError, RecordTooLargeError } from '../errors.ts'
import {
  ATTRIBUTES,
  BASE_OFFSET,
  BASE_SEQUENCE,
  BASE_TIMESTAMP,
  BATCH_LENGTH,
  CONTROL_FLAG,
  CRC,
  DELETE_HORIZON_FLAG,
  LAST_OFFSET_DELTA,
  LEADER_EPOCH,
  LOG_APPEND_TIME_FLAG,
  LOG_OVERHEAD,
  MAGIC,
  MAX_TIMESTAMP,
  PRODUCER_EPOCH,
  PRODUCER_ID,
  RECORD_BATCH_OVERHEAD,
  RECORDS_COUNT,
  TRANSACTIONAL_FLAG,
} from './batch-header.ts'
import { type Codec, codecs, compress } from './compression/index.ts'
import { crc32c } from './crc32c.ts'
import { writeInt64 } from './int64.ts'
import { bytePattern, COPY_SLACK, copyShort, findShort, fitsShortCopy, SHORT, viewOf } from './short-bytes.ts'
import { MAX_VARLONG_SIZE, varintSize, varlongSize, writeVarint, writeVarlong } from './varint.ts'

/** What a batch grows to before a new one is begun: a quarter of a mebibyte is where larger ones gain nothing more. */
export const DEFAULT_TARGET_BYTES = 256 * 1024
const FIRST_CAPACITY = 16 * 1024
/** The zig-zag varint of -1, the length of a null key or value. */
const NULL_LENGTH = 0x01
const noHeaders = Buffer.from([0x00])

export interface BatchBuilderOptions {
  /** Kafka's max.message.bytes: no batch is larger before compression, its header of 61 bytes included. */
  maxBytes: number
  /** Where a batch counts as full; a single record may go beyond it, up to `maxBytes`. */
  targetBytes?: number
  codec?: Codec
  /** Sets the attribute; maxTimestamp is then the time that readers see on every record. */
  logAppendTime?: boolean
  /** `encodeHeaders` of what every record carries. */
  headers?: Buffer
}

/** Fields that a plain producer leaves at 0 or -1. */
export interface BatchFields {
  baseOffset?: number
  leaderEpoch?: number
  producerId?: bigint
  producerEpoch?: number
  baseSequence?: number
  isTransactional?: boolean
  isControl?: boolean
  hasDeleteHorizon?: boolean
  baseTimestamp?: number
  maxTimestamp?: number
  /** Beyond the count - 1 of the records where compaction took some out. */
  lastOffsetDelta?: number
}

/**
 * Encodes records one behind the other into a single buffer whose first 61 bytes are kept free for the header, which
 * `build` fills in: lengths and the CRC are computed once a batch, and nothing is allocated for a record.
 *
 * A record: `length varint | attributes 00 | timestampDelta varlong | offsetDelta varint | keyLength varint, key |
 * valueLength varint, value | headerCount varint, headers`, where length counts what is behind it. ("key-1", "value-1") as the
 * first of a batch takes 19 bytes: 24 00 00 00 0a 6b65792d31 0e 76616c75652d31 00.
 */
export class BatchBuilder {
  readonly maxBytes: number
  readonly targetBytes: number
  readonly codec: Codec
  readonly #logAppendTime: boolean
  readonly #headers: Buffer

  #bytes: Buffer
  #view: DataView
  /** Up to this position a record fits without a second thought. */
  #room: number
  #position = RECORD_BATCH_OVERHEAD
  #count = 0
  #isFull = false
  #baseTimestamp = -1
  #maxTimestamp = -1
  /** The timestamp delta of the records of one appendDelimited call, the same for all of them. */
  readonly #delta = Buffer.alloc(MAX_VARLONG_SIZE)
  #compressed: Buffer | undefined

  constructor(options: BatchBuilderOptions) {
    this.maxBytes = options.maxBytes
    this.targetBytes = Math.min(options.targetBytes ?? DEFAULT_TARGET_BYTES, options.maxBytes)
    this.codec = options.codec ?? 'none'
    this.#logAppendTime = options.logAppendTime ?? false
    this.#headers = options.headers ?? noHeaders
    this.#bytes = Buffer.allocUnsafe(FIRST_CAPACITY)
    this.#view = viewOf(this.#bytes)
    this.#room = Math.min(this.targetBytes, FIRST_CAPACITY - COPY_SLACK)
  }

  get count(): number {
    return this.#count
  }

  /** Of the batch before compression, header included. */
  get sizeInBytes(): number {
    return this.#position
  }

  get isEmpty(): boolean {
    return this.#count === 0
  }

  /** Whether a record was turned away since the last reset. */
  get isFull(): boolean {
    return this.#isFull
  }

  get maxTimestamp(): number {
    return this.#maxTimestamp
  }

  /**
   * Adds one record; a key or value is null if its buffer is, or its start is below 0; headers that are not given are the
   * builder's own. False: it fits no more; build, reset and try again. RecordTooLargeError: it fits no batch, with
   * `valueStart` as the position.
   */
  append(
    timestamp: number,
    keyBytes: Buffer | null,
    keyStart: number,
    keyEnd: number,
    valueBytes: Buffer | null,
    valueStart: number,
    valueEnd: number,
    headersBytes: Buffer = this.#headers,
    headersStart = 0,
    headersEnd = headersBytes.length,
  ): boolean {
    const delta = this.#timestampDelta(timestamp, valueStart)
    // -1 beside 2^53 - 1: each is a timestamp, but the difference is no number of ours.
    if (!Number.isSafeInteger(delta)) {
      this.#isFull = true
      return false
    }
    const keyLength = keyBytes === null || keyStart < 0 ? -1 : keyEnd - keyStart
    const valueLength = valueBytes === null || valueStart < 0 ? -1 : valueEnd - valueStart
    const headersLength = headersEnd - headersStart
    const bodySize =
      1 +
      varlongSize(delta) +
      varintSize(this.#count) +
      varintSize(keyLength) +
      Math.max(keyLength, 0) +
      varintSize(valueLength) +
      Math.max(valueLength, 0) +
      headersLength
    const recordSize = varintSize(bodySize) + bodySize
    if (this.#position + recordSize > this.#room && !this.#makeRoom(recordSize, valueStart)) return false
    const bytes = this.#bytes
    let at = writeVarint(bytes, this.#position, bodySize)
    bytes[at++] = 0
    at = writeVarlong(bytes, at, delta)
    at = writeVarint(bytes, at, this.#count)
    at = writeVarint(bytes, at, keyLength)
    if (keyLength > 0) at = copy(keyBytes!, keyStart, keyEnd, bytes, at)
    at = writeVarint(bytes, at, valueLength)
    if (valueLength > 0) at = copy(valueBytes!, valueStart, valueEnd, bytes, at)
    this.#position = copy(headersBytes, headersStart, headersEnd, bytes, at)
    this.#noteTimestamp(timestamp)
    this.#count++
    return true
  }

  /**
   * Adds every piece of `input[start, end)` that ends with `delimiterByte` as a record with a null key, until the batch is
   * full; returns the position behind the last delimiter taken (so `start` if there was none, or no room). An empty piece is
   * an empty value, unless `skipEmpty` passes over it or `emptyAsNull` makes a tombstone of it.
   * RecordTooLargeError has the piece's first byte as its position; it comes only from an empty builder.
   */
  appendDelimited(
    input: Buffer,
    start: number,
    end: number,
    delimiterByte: number,
    timestamp: number,
    skipEmpty = false,
    emptyAsNull = false,
  ): number {
    const delta = this.#delta
    const deltaSize = writeVarlong(delta, 0, this.#timestampDelta(timestamp, start))
    const headers = this.#headers
    const fixedSize = 1 + deltaSize + 1 + headers.length
    // A search must not run into what stands behind `end`, which may be megabytes of an older chunk.
    const bytes = end === input.length ? input : input.subarray(0, end)
    const view = viewOf(bytes)
    const pattern = bytePattern(delimiterByte)
    const countBefore = this.#count
    // On locals and without methods for its parts: a record of 100 bytes takes 60 ns so, and 64 otherwise.
    let output = this.#bytes
    let outputView = this.#view
    let position = this.#position
    let count = countBefore
    let at = start
    // Lines are as long as the line before, mostly: that decides which search is tried first.
    let length = 0
    while (at < end) {
      let found = length < SHORT ? findShort(view, pattern, at, Math.min(at + SHORT, end)) : -1
      if (found < 0) found = bytes.indexOf(delimiterByte, at)
      if (found < 0) break
      length = found - at
      if (length > 0 || !skipEmpty) {
        const bodySize = fixedSize + varintSize(count) + varintSize(length) + length
        const recordSize = varintSize(bodySize) + bodySize
        if (position + recordSize > this.#room) {
          this.#position = position
          this.#count = count
          if (!this.#makeRoom(recordSize, at)) break
          output = this.#bytes
          outputView = this.#view
        }
        position = writeVarint(output, position, bodySize)
        output[position] = 0
        for (let group = 0; group < deltaSize; group++) output[++position] = delta[group]!
        position = writeVarint(output, position + 1, count++)
        output[position] = NULL_LENGTH
        position = writeVarint(output, position + 1, length === 0 && emptyAsNull ? -1 : length)
        if (fitsShortCopy(at, length, end)) copyShort(outputView, position, view, at, length)
        else bytes.copy(output, position, at, found)
        position = copy(headers, 0, headers.length, output, position + length)
      }
      at = found + 1
    }
    this.#position = position
    this.#count = count
    if (count > countBefore) this.#noteTimestamp(timestamp, countBefore)
    return at
  }

  /**
   * The finished batch, a view that is valid until the next append or reset. Compressed, unless that would push it over
   * `maxBytes`, which bytes that do not compress can do: such a batch is stored as it is.
   */
  build(fields: BatchFields = {}): Buffer {
    let batch = this.#bytes.subarray(0, this.#position)
    let codecId = 0
    if (this.codec !== 'none' && this.#count > 0) {
      const records = compress(this.codec, this.#bytes.subarray(RECORD_BATCH_OVERHEAD, this.#position))
      const size = RECORD_BATCH_OVERHEAD + records.length
      if (size <= this.maxBytes) {
        if (this.#compressed === undefined || this.#compressed.length < size)
          this.#compressed = Buffer.allocUnsafe(size)
        records.copy(this.#compressed, RECORD_BATCH_OVERHEAD)
        batch = this.#compressed.subarray(0, size)
        codecId = codecs.indexOf(this.codec)
      }
    }
    let attributes = codecId
    if (this.#logAppendTime) attributes |= LOG_APPEND_TIME_FLAG
    if (fields.isTransactional) attributes |= TRANSACTIONAL_FLAG
    if (fields.isControl) attributes |= CONTROL_FLAG
    if (fields.hasDeleteHorizon) attributes |= DELETE_HORIZON_FLAG
    batch.writeInt16BE(attributes, ATTRIBUTES)
    this.#writeFields(batch, fields)
    batch.writeUInt32BE(crc32c(batch, ATTRIBUTES, batch.length), CRC)
    return batch
  }

  #writeFields(batch: Buffer, fields: BatchFields): void {
    stampBatch(batch, 0, fields.baseOffset ?? 0, fields.leaderEpoch ?? 0)
    batch.writeInt32BE(batch.length - LOG_OVERHEAD, BATCH_LENGTH)
    batch[MAGIC] = 2
    batch.writeInt32BE(fields.lastOffsetDelta ?? this.#count - 1, LAST_OFFSET_DELTA)
    writeInt64(batch, BASE_TIMESTAMP, fields.baseTimestamp ?? this.#baseTimestamp)
    writeInt64(batch, MAX_TIMESTAMP, fields.maxTimestamp ?? this.#maxTimestamp)
    batch.writeBigInt64BE(fields.producerId ?? -1n, PRODUCER_ID)
    batch.writeInt16BE(fields.producerEpoch ?? -1, PRODUCER_EPOCH)
    batch.writeInt32BE(fields.baseSequence ?? -1, BASE_SEQUENCE)
    batch.writeInt32BE(this.#count, RECORDS_COUNT)
  }

  /** Keeps the buffers. */
  reset(): void {
    this.#position = RECORD_BATCH_OVERHEAD
    this.#count = 0
    this.#isFull = false
    this.#baseTimestamp = -1
    this.#maxTimestamp = -1
  }

  /** The first record's timestamp is what the others count from; Kafka's producers refuse what is below -1 ("none"). */
  #timestampDelta(timestamp: number, position: number): number {
    if (timestamp < -1 || !Number.isSafeInteger(timestamp)) {
      throw new InvalidRecordError(`timestamp ${timestamp} is no whole number of ms, -1 or more`, { position })
    }
    return this.#count === 0 ? 0 : timestamp - this.#baseTimestamp
  }

  /** Called when a record goes beyond `#room`: whether it has its place now. */
  #makeRoom(recordSize: number, position: number): boolean {
    const needed = this.#position + recordSize
    if (needed > this.targetBytes) {
      if (this.#count > 0) {
        this.#isFull = true
        return false
      }
      if (needed > this.maxBytes) throw recordTooLarge(needed, this.maxBytes, position)
    }
    if (needed + COPY_SLACK > this.#bytes.length) this.#grow(needed + COPY_SLACK)
    return true
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length))
    this.#bytes.copy(larger, 0, 0, this.#position)
    this.#bytes = larger
    this.#view = viewOf(larger)
    this.#room = Math.min(this.targetBytes, larger.length - COPY_SLACK)
  }

  /** Of a record that was added when the batch held `countBefore`. */
  #noteTimestamp(timestamp: number, countBefore = this.#count): void {
    if (countBefore === 0) this.#baseTimestamp = timestamp
    if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
  }
}

function recordTooLarge(needed: number, maxBytes: number, position: number): RecordTooLargeError {
  return new RecordTooLargeError(`the record makes a batch of ${needed} bytes, max.message.bytes is ${maxBytes}`, {
    position,
    hint: 'a larger max.message.bytes of the topic would take it',
  })
}

function copy(source: Buffer, start: number, end: number, target: Buffer, at: number): number {
  if (end - start < 24) for (let from = start; from < end; from++) target[at++] = source[from]!
  else at += source.copy(target, at, start, end)
  return at
}

/**
 * Puts the offset and the leader epoch into a finished batch. Both are outside the CRC, so this is all that is left to do
 * under the partition's write lock.
 */
export function stampBatch(bytes: Buffer, at: number, baseOffset: number, leaderEpoch: number): void {
  writeInt64(bytes, at + BASE_OFFSET, baseOffset)
  bytes.writeInt32BE(leaderEpoch, at + LEADER_EPOCH)
}

/** `headerCount varint`, then for each `keyLength varint, key, valueLength varint (-1 = null), value`. Keys are UTF-8. */
export function encodeHeaders(pairs: readonly (readonly [Buffer, Buffer | null])[]): Buffer {
  let size = varintSize(pairs.length)
  for (const [key, value] of pairs) {
    size += varintSize(key.length) + key.length + varintSize(value?.length ?? -1) + (value?.length ?? 0)
  }
  const bytes = Buffer.alloc(size)
  let at = writeVarint(bytes, 0, pairs.length)
  for (const [key, value] of pairs) {
    at = writeVarint(bytes, at, key.length)
    at += key.copy(bytes, at)
    at = writeVarint(bytes, at, value?.length ?? -1)
    if (value !== null) at += value.copy(bytes, at)
  }
  return bytes
}
