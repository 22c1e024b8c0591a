import type { RecordCursor, TimestampType } from './record-cursor.ts'

export interface KafkaRecord {
  topic?: string
  partition?: number
  offset: number
  /** In ms since 1970, -1 for none. */
  timestamp: number
  timestampType: TimestampType
  key: Buffer | null
  /** null is a tombstone. */
  value: Buffer | null
  /** In the record's order; a key may come twice. */
  headers: [string, Buffer | null][]
}

/**
 * The cursor's record as a plain object that outlives the batch: one copy of its bytes, into which key, value and the
 * headers' values are views.
 */
export function toRecord(cursor: RecordCursor, topic?: string, partition?: number): KafkaRecord {
  const { keyStart, valueStart, headersStart } = cursor
  // Key, value and headers follow each other in the record, with only lengths between them.
  const start = keyStart >= 0 ? keyStart : valueStart >= 0 ? valueStart : headersStart
  const bytes = Buffer.from(cursor.bytes.subarray(start, cursor.recordEnd))
  const record: KafkaRecord = {
    offset: cursor.offset,
    timestamp: cursor.timestamp,
    timestampType: cursor.timestampType,
    key: keyStart < 0 ? null : bytes.subarray(keyStart - start, cursor.keyEnd - start),
    value: valueStart < 0 ? null : bytes.subarray(valueStart - start, cursor.valueEnd - start),
    headers: [],
  }
  if (cursor.headersCount > 0) {
    const shift = cursor.bytes.byteOffset + start
    const copied = (view: Buffer) => bytes.subarray(view.byteOffset - shift, view.byteOffset - shift + view.length)
    record.headers = cursor.headers().map(([key, value]) => [key.toString(), value && copied(value)])
  }
  if (topic !== undefined) record.topic = topic
  if (partition !== undefined) record.partition = partition
  return record
}
