import { InvalidRecordError } from './errors.ts'
import { encodeHeaders } from './record/batch-builder.ts'

/** Text is written as UTF-8. */
export type TextOrBytes = string | Uint8Array

/** A record that is to be appended. What `read` and `follow` deliver is one too, so a topic can be copied as it is. */
export interface NewRecord {
  /** Decides on the partition; without one the record goes to any. */
  key?: TextOrBytes | null | undefined
  /** null is a tombstone. */
  value: TextOrBytes | null
  /** In this order; as pairs a name may come twice. */
  headers?: Iterable<readonly [string, TextOrBytes | null]> | Readonly<Record<string, TextOrBytes | null>> | undefined
  /** In ms since 1970 (-1: none), or a Date. Default: the time at which it comes. */
  timestamp?: number | Date | undefined
  /** Overrides what the key decides. */
  partition?: number | undefined
}

/** What a TopicAppender's `append` takes. */
export interface EncodedRecord {
  key: Buffer | null
  value: Buffer | null
  fields: { timestamp?: number; headers?: Buffer; partition?: number }
}

/** Throws InvalidRecordError for what could not be read back as it was given. */
export function encodeRecord(record: NewRecord): EncodedRecord {
  const { key = null, value, headers, timestamp, partition } = record
  if (value === undefined) throw new InvalidRecordError('the record has no value (null is one)')
  const fields: EncodedRecord['fields'] = {}
  if (headers !== undefined) fields.headers = encodeHeaders(headerPairs(headers))
  if (timestamp !== undefined) fields.timestamp = Number(timestamp)
  if (partition !== undefined) fields.partition = partition
  return { key: bytesOrNull(key, 'key'), value: bytesOrNull(value, 'value'), fields }
}

function headerPairs(headers: NonNullable<NewRecord['headers']>): [Buffer, Buffer | null][] {
  const pairs = Symbol.iterator in headers ? headers : Object.entries(headers)
  return Array.from(pairs as Iterable<readonly [string, TextOrBytes | null]>, ([name, value]) => [
    textToBytes(name, 'name of a header'),
    bytesOrNull(value, `value of the header ${name}`),
  ])
}

function bytesOrNull(value: TextOrBytes | null, what: string): Buffer | null {
  if (value === null) return null
  if (!(value instanceof Uint8Array)) return textToBytes(value, what)
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

function textToBytes(text: string, what: string): Buffer {
  if (typeof text !== 'string') {
    throw new InvalidRecordError(`the ${what} must be text, bytes or null, found ${typeof text}`)
  }
  // UTF-8 has no bytes for half a surrogate pair, and would silently become U+FFFD.
  if (!text.isWellFormed()) throw new InvalidRecordError(`the ${what} holds half a surrogate pair`)
  return Buffer.from(text)
}
