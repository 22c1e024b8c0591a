import { crc32 } from 'node:zlib'
import { BatchHeader } from '../../src/log/record/batch-header.ts'
import { type Codec, codecs, compress } from '../../src/log/record/compression/index.ts'
import { crc32c } from '../../src/log/record/crc32c.ts'
import { RecordCursor } from '../../src/log/record/record-cursor.ts'
import { writeVarint, writeVarlong } from '../../src/log/record/varint.ts'

/** Batches, records and messages put together by hand, so that each of their fields can be wrong. */

export function varint(value: number): Buffer {
  const bytes = Buffer.alloc(5)
  return bytes.subarray(0, writeVarint(bytes, 0, value))
}

export function varlong(value: number): Buffer {
  const bytes = Buffer.alloc(10)
  return bytes.subarray(0, writeVarlong(bytes, 0, value))
}

/** A length as a varint and the bytes; -1 for null. */
export function sized(bytes: string | Buffer | null): Buffer {
  return bytes === null ? varint(-1) : Buffer.concat([varint(Buffer.byteLength(bytes)), Buffer.from(bytes as string)])
}

export interface RawRecord {
  timestampDelta?: number
  offsetDelta?: number
  key?: string | Buffer | null
  value?: string | Buffer | null
  headers?: [string, string | null][]
}

/** A record without its length. */
export function recordBody({ timestampDelta = 0, offsetDelta = 0, key = null, value = null, headers = [] }: RawRecord) {
  const pairs = headers.flatMap(([name, content]) => [sized(name), sized(content)])
  const start = [Buffer.from([0]), varlong(timestampDelta), varint(offsetDelta), sized(key), sized(value)]
  return Buffer.concat([...start, varint(headers.length), ...pairs])
}

export function rawRecord(fields: RawRecord): Buffer {
  return sized(recordBody(fields))
}

export interface RawBatch {
  baseOffset?: number
  attributes?: number
  codec?: Codec
  count?: number
  lastOffsetDelta?: number
  baseTimestamp?: number
  maxTimestamp?: number
}

/** A whole batch of magic 2 with its CRC over `records`, which are compressed if a codec is named. */
export function rawBatch(records: Buffer, fields: RawBatch = {}): Buffer {
  const { baseOffset = 100, codec = 'none', count = 1, lastOffsetDelta = count - 1 } = fields
  const { baseTimestamp = 1000, maxTimestamp = 1000, attributes = 0 } = fields
  const payload = compress(codec, records)
  const batch = Buffer.concat([Buffer.alloc(61), payload])
  batch.writeBigInt64BE(BigInt(baseOffset), 0)
  batch.writeInt32BE(batch.length - 12, 8)
  batch[16] = 2
  batch.writeInt16BE(attributes | codecs.indexOf(codec), 21)
  batch.writeInt32BE(lastOffsetDelta, 23)
  batch.writeBigInt64BE(BigInt(baseTimestamp), 27)
  batch.writeBigInt64BE(BigInt(maxTimestamp), 35)
  batch.fill(0xff, 43, 57)
  batch.writeInt32BE(count, 57)
  return withCrc(batch)
}

/** Sets the CRC right, in place. */
export function withCrc(batch: Buffer): Buffer {
  if (batch[16] === 2) batch.writeUInt32BE(crc32c(batch, 21, batch.length), 17)
  else batch.writeUInt32BE(crc32(batch.subarray(16)), 12)
  return batch
}

export interface RawMessage {
  magic?: 0 | 1
  offset?: number
  attributes?: number
  timestamp?: number
  key?: string | Buffer | null
  value?: string | Buffer | null
}

/** An entry of a message set of magic 0 or 1, with its CRC. */
export function rawMessage(fields: RawMessage): Buffer {
  const { magic = 1, offset = 0, attributes = 0, timestamp = 1000, key = null, value = null } = fields
  const numbers = Buffer.alloc(magic === 0 ? 18 : 26)
  const parts = [numbers, sizedByInt32(key), sizedByInt32(value)]
  const message = Buffer.concat(parts)
  message.writeBigInt64BE(BigInt(offset), 0)
  message.writeInt32BE(message.length - 12, 8)
  message[16] = magic
  message[17] = attributes
  if (magic === 1) message.writeBigInt64BE(BigInt(timestamp), 18)
  return withCrc(message)
}

function sizedByInt32(bytes: string | Buffer | null): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(bytes === null ? -1 : Buffer.byteLength(bytes))
  return Buffer.concat([length, Buffer.from((bytes ?? '') as string)])
}

/** A wrapper: a message whose value is the compressed `messages`. */
export function rawWrapper(codec: Codec, messages: Buffer[], fields: RawMessage = {}): Buffer {
  const value = compress(codec, Buffer.concat(messages))
  return rawMessage({ ...fields, attributes: (fields.attributes ?? 0) | codecs.indexOf(codec), value })
}

/** A cursor opened on the batch at the start of `bytes`, whose header must be right. */
export function openCursor(bytes: Buffer, limit?: number): RecordCursor {
  const header = new BatchHeader()
  const check = header.read(bytes, 0, bytes.length)
  if (check !== 'whole') throw new Error(`not a whole batch: ${check}`)
  const cursor = new RecordCursor()
  cursor.open(header, limit)
  return cursor
}

/** Of each record: offset, timestamp, key and value as text. */
export function readAll(cursor: RecordCursor): [number, number, string | null, string | null][] {
  const records: [number, number, string | null, string | null][] = []
  while (cursor.next()) {
    records.push([
      cursor.offset,
      cursor.timestamp,
      cursor.key()?.toString() ?? null,
      cursor.value()?.toString() ?? null,
    ])
  }
  return records
}
