import { crc32 } from 'node:zlib'
import { crc32c } from './crc32c.ts'
import { readInt64 } from './int64.ts'

/**
 * A record batch of magic 2, all integers big-endian (Kafka's DefaultRecordBatch):
 *
 *     0  baseOffset int64         not in the CRC: whoever appends the batch stamps it
 *     8  batchLength int32        bytes behind this field, so the batch has 12 more
 *    12  partitionLeaderEpoch int32   not in the CRC either
 *    16  magic int8               2; byte 16 in every format
 *    17  crc uint32               CRC-32C of byte 21 to the end
 *    21  attributes int16         bits 0-2 codec, 3 LogAppendTime, 4 transactional, 5 control, 6 delete horizon
 *    23  lastOffsetDelta int32    last offset - baseOffset, kept when compaction takes records out
 *    27  baseTimestamp int64      the first record's, ms; -1 without one; the delete horizon if bit 6 is set
 *    35  maxTimestamp int64
 *    43  producerId int64         -1 without one, and so are the next two
 *    51  producerEpoch int16
 *    53  baseSequence int32
 *    57  recordsCount int32       0 for an empty batch, which compaction leaves
 *    61  records                  compressed as one piece if the codec says so
 *
 * The four golden records take 127 bytes: batchLength is 115 (00000073), the records are bytes 61 to 126.
 *
 * Magic 0 and 1 are message sets. An entry is `offset int64, size int32`, then a message:
 *
 *    12  crc uint32               CRC-32 of byte 16 to the end
 *    16  magic int8               0 or 1
 *    17  attributes int8          bits 0-2 codec, bit 3 LogAppendTime (magic 1)
 *    18  timestamp int64          magic 1 only
 *        keyLength int32, key, valueLength int32, value
 *
 * One entry is treated as one batch. With a codec it is a wrapper: its value is a compressed message set, and its offset
 * the last one in it.
 *
 * Nothing here is mutated but by whoever holds the partition's write lock, and then only the first 16 bytes.
 */
export const BASE_OFFSET = 0
export const BATCH_LENGTH = BASE_OFFSET + 8
export const LOG_OVERHEAD = BATCH_LENGTH + 4
export const LEADER_EPOCH = LOG_OVERHEAD
export const MAGIC = LEADER_EPOCH + 4
export const HEADER_SIZE_UP_TO_MAGIC = MAGIC + 1
export const CRC = HEADER_SIZE_UP_TO_MAGIC
export const ATTRIBUTES = CRC + 4
export const LAST_OFFSET_DELTA = ATTRIBUTES + 2
export const BASE_TIMESTAMP = LAST_OFFSET_DELTA + 4
export const MAX_TIMESTAMP = BASE_TIMESTAMP + 8
export const PRODUCER_ID = MAX_TIMESTAMP + 8
export const PRODUCER_EPOCH = PRODUCER_ID + 8
export const BASE_SEQUENCE = PRODUCER_EPOCH + 2
export const RECORDS_COUNT = BASE_SEQUENCE + 4
export const RECORD_BATCH_OVERHEAD = RECORDS_COUNT + 4

export const LEGACY_CRC = LOG_OVERHEAD
export const LEGACY_ATTRIBUTES = MAGIC + 1
export const LEGACY_TIMESTAMP = LEGACY_ATTRIBUTES + 1
/** Position of the key's length in a message of magic 0, and of magic 1 where a timestamp stands before it. */
export const LEGACY_KEY_V0 = LEGACY_ATTRIBUTES + 1
export const LEGACY_KEY_V1 = LEGACY_TIMESTAMP + 8
/** Two lengths of four bytes close the smallest message. */
export const LEGACY_OVERHEAD_V0 = LEGACY_KEY_V0 + 8
export const LEGACY_OVERHEAD_V1 = LEGACY_KEY_V1 + 8

export const CODEC_MASK = 0x07
export const LOG_APPEND_TIME_FLAG = 0x08
export const TRANSACTIONAL_FLAG = 0x10
export const CONTROL_FLAG = 0x20
export const DELETE_HORIZON_FLAG = 0x40

const CODEC_COUNT = 5
/** zstd (4) came with magic 2. */
const LEGACY_CODEC_COUNT = 4
/** Offsets are numbers; the high word of 2^53. */
const OFFSET_HIGH_LIMIT = 0x20_0000

export type BatchFault =
  | 'length'
  | 'magic'
  | 'base-offset'
  | 'leader-epoch'
  | 'last-offset-delta'
  | 'records-count'
  | 'codec'
  | 'crc'

/** `incomplete`: fewer bytes than the header needs or than its length says, which at the end of a file may be "not yet". */
export type HeaderCheck = 'whole' | 'incomplete' | BatchFault

const noBytes = Buffer.alloc(0)

/**
 * The header of one batch, or of one legacy entry, as a view over the bytes that hold it. One object serves a whole
 * scan: `read` sets every field and allocates nothing. Timestamps are read when asked for, so that one beyond 2^53 stops
 * only those who need it.
 */
export class BatchHeader {
  bytes: Buffer = noBytes
  position = 0
  /** Of the whole batch. After 'incomplete' the size that the length field claims, 0 if that field is not there yet. */
  sizeInBytes = 0
  /** For a legacy wrapper the same as `lastOffset`: only its compressed content knows the first one. */
  baseOffset = -1
  lastOffset = -1
  /** -1 for magic 0 and 1. */
  leaderEpoch = -1
  magic = -1
  /** As the header has it, unsigned; `crcMatches` compares. */
  crc = 0
  attributes = 0
  /** Index into `codecs`. */
  codecId = 0
  producerEpoch = -1
  baseSequence = -1
  /** -1 for a legacy wrapper: not known before it is decompressed. */
  recordsCount = 0
  /** Where the (compressed) records lie; of a legacy entry the entry itself, as a message set of one. */
  recordsStart = 0
  recordsEnd = 0

  get nextOffset(): number {
    return this.lastOffset + 1
  }

  get isLogAppendTime(): boolean {
    return this.magic > 0 && (this.attributes & LOG_APPEND_TIME_FLAG) !== 0
  }

  get isTransactional(): boolean {
    return this.magic === 2 && (this.attributes & TRANSACTIONAL_FLAG) !== 0
  }

  get isControl(): boolean {
    return this.magic === 2 && (this.attributes & CONTROL_FLAG) !== 0
  }

  get hasDeleteHorizon(): boolean {
    return this.magic === 2 && (this.attributes & DELETE_HORIZON_FLAG) !== 0
  }

  /** What the records' timestamp deltas count from; -1 for magic 0, the message's own for magic 1. */
  get baseTimestamp(): number {
    return this.#timestamp(BASE_TIMESTAMP)
  }

  get maxTimestamp(): number {
    return this.#timestamp(MAX_TIMESTAMP)
  }

  get producerId(): bigint {
    return this.magic === 2 ? this.bytes.readBigInt64BE(this.position + PRODUCER_ID) : -1n
  }

  #timestamp(field: number): number {
    if (this.magic === 2) return readInt64(this.bytes, this.position + field)
    return this.magic === 1 ? readInt64(this.bytes, this.position + LEGACY_TIMESTAMP) : -1
  }

  /**
   * Reads the header at `position` of `bytes`, of which nothing at or behind `end` counts, and checks everything but the
   * CRC. A fault that can be seen is told before 'incomplete'. After anything but 'whole' only `sizeInBytes`, `bytes` and
   * `position` may be used, and `describeFault`.
   */
  read(bytes: Buffer, position: number, end: number): HeaderCheck {
    this.bytes = bytes
    this.position = position
    this.sizeInBytes = 0
    const available = end - position
    if (available < LOG_OVERHEAD) return 'incomplete'
    const length = bytes.readInt32BE(position + BATCH_LENGTH)
    if (length < LEGACY_OVERHEAD_V0 - LOG_OVERHEAD) return 'length'
    this.sizeInBytes = LOG_OVERHEAD + length
    if (available < HEADER_SIZE_UP_TO_MAGIC) return 'incomplete'
    this.magic = bytes[position + MAGIC]!
    if (this.magic > 2) return 'magic'
    const high = bytes.readInt32BE(position + BASE_OFFSET)
    if (high < 0 || high >= OFFSET_HIGH_LIMIT) return 'base-offset'
    this.baseOffset = high * 0x1_0000_0000 + bytes.readUInt32BE(position + BASE_OFFSET + 4)
    return this.magic === 2 ? this.#readBatch(available) : this.#readLegacy(available)
  }

  #readBatch(available: number): HeaderCheck {
    if (this.sizeInBytes < RECORD_BATCH_OVERHEAD) return 'length'
    if (available < RECORD_BATCH_OVERHEAD) return 'incomplete'
    const { bytes, position } = this
    this.leaderEpoch = bytes.readInt32BE(position + LEADER_EPOCH)
    if (this.leaderEpoch < -1) return 'leader-epoch'
    this.crc = bytes.readUInt32BE(position + CRC)
    this.attributes = bytes.readInt16BE(position + ATTRIBUTES)
    this.codecId = this.attributes & CODEC_MASK
    if (this.codecId >= CODEC_COUNT) return 'codec'
    const lastOffsetDelta = bytes.readInt32BE(position + LAST_OFFSET_DELTA)
    this.lastOffset = this.baseOffset + lastOffsetDelta
    if (lastOffsetDelta < 0) return 'last-offset-delta'
    if (this.lastOffset >= Number.MAX_SAFE_INTEGER) return 'base-offset'
    this.recordsCount = bytes.readInt32BE(position + RECORDS_COUNT)
    if (this.recordsCount < 0 || this.recordsCount > lastOffsetDelta + 1) return 'records-count'
    this.producerEpoch = bytes.readInt16BE(position + PRODUCER_EPOCH)
    this.baseSequence = bytes.readInt32BE(position + BASE_SEQUENCE)
    this.recordsStart = position + RECORD_BATCH_OVERHEAD
    this.recordsEnd = position + this.sizeInBytes
    return available < this.sizeInBytes ? 'incomplete' : 'whole'
  }

  #readLegacy(available: number): HeaderCheck {
    const overhead = this.magic === 0 ? LEGACY_OVERHEAD_V0 : LEGACY_OVERHEAD_V1
    if (this.sizeInBytes < overhead) return 'length'
    if (available < overhead) return 'incomplete'
    const { bytes, position } = this
    this.crc = bytes.readUInt32BE(position + LEGACY_CRC)
    this.attributes = bytes[position + LEGACY_ATTRIBUTES]!
    this.codecId = this.attributes & CODEC_MASK
    if (this.codecId >= LEGACY_CODEC_COUNT) return 'codec'
    this.lastOffset = this.baseOffset
    if (this.lastOffset >= Number.MAX_SAFE_INTEGER) return 'base-offset'
    this.leaderEpoch = -1
    this.recordsCount = this.codecId === 0 ? 1 : -1
    this.producerEpoch = -1
    this.baseSequence = -1
    this.recordsStart = position
    this.recordsEnd = position + this.sizeInBytes
    return available < this.sizeInBytes ? 'incomplete' : 'whole'
  }

  /** Only after 'whole'. */
  crcMatches(): boolean {
    return this.#computeCrc() === this.crc
  }

  #computeCrc(): number {
    const end = this.position + this.sizeInBytes
    if (this.magic === 2) return crc32c(this.bytes, this.position + ATTRIBUTES, end)
    return crc32(this.bytes.subarray(this.position + MAGIC, end))
  }

  /** What is wrong, with what was expected and what was found, for the message of an error. */
  describeFault(fault: BatchFault): string {
    const { bytes, position } = this
    switch (fault) {
      case 'length': {
        const least = this.sizeInBytes === 0 ? LEGACY_OVERHEAD_V0 : [LEGACY_OVERHEAD_V0, LEGACY_OVERHEAD_V1][this.magic]
        const expected = (least ?? RECORD_BATCH_OVERHEAD) - LOG_OVERHEAD
        return `wrong batch length, expected at least ${expected}, found ${bytes.readInt32BE(position + BATCH_LENGTH)}`
      }
      case 'magic':
        return `wrong magic, expected 0 to 2, found ${bytes.readInt8(position + MAGIC)}`
      case 'base-offset':
        return `wrong base offset, expected 0 to 2^53, found ${bytes.readBigInt64BE(position + BASE_OFFSET)}`
      case 'leader-epoch':
        return `wrong leader epoch, expected -1 or more, found ${this.leaderEpoch}`
      case 'last-offset-delta':
        return `wrong last offset delta, expected 0 or more, found ${this.lastOffset - this.baseOffset}`
      case 'records-count':
        return `wrong records count, expected 0 to ${this.lastOffset - this.baseOffset + 1}, found ${this.recordsCount}`
      case 'codec':
        return `wrong codec, expected 0 to ${this.magic === 2 ? CODEC_COUNT - 1 : LEGACY_CODEC_COUNT - 1}, found ${this.codecId}`
      case 'crc':
        return `CRC mismatch, expected ${hex(this.crc)}, found ${hex(this.#computeCrc())}`
    }
  }
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0')
}
