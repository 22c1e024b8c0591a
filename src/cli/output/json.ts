import type { RecordView } from '../../log/index.ts'
import { MAX_DECIMAL_BYTES, writeBytes, writeDecimal } from './bytes.ts'
import type { RecordOrigin, RecordWriter } from './record-writer.ts'
import type { BlockSink } from './stdout.ts'
import { utf8SequenceLength } from './utf8.ts'

/** A control character becomes `\u001f`: six bytes for one. */
const MAX_JSON_GROWTH = 6
/** Above this bound the exact size is counted, so that a value of 1 MiB does not reserve 6. */
const CHEAP_BOUND_BYTES = 16 * 1024
/** `{"base64":""}`, longer than the quotes of a string and than `null`. */
const WRAPPING_BYTES = 13

/** 1 for each byte that stands as itself in a JSON string: 0x20 to 0x7f but for quote and backslash. */
const plain = Buffer.alloc(256)
plain.fill(1, 0x20, 0x80)
plain[0x22] = 0
plain[0x5c] = 0
const plainOnTerminal = Buffer.from(plain)
plainOnTerminal[0x7f] = 0

const shortEscapes: Record<number, number> = { 8: 0x62, 9: 0x74, 10: 0x6e, 12: 0x66, 13: 0x72, 34: 0x22, 92: 0x5c }
const HEX = '0123456789abcdef'

const timestampField = Buffer.from(',"timestamp":')
const keyField = Buffer.from(',"key":')
const valueField = Buffer.from(',"value":')
const headersField = Buffer.from(',"headers":[')
const fixedBytes =
  timestampField.length + keyField.length + valueField.length + headersField.length + 2 * MAX_DECIMAL_BYTES + 3

/**
 * Bytes as JSON, reversibly: UTF-8 as a string, anything else as `{"base64":"…"}`. With `forTerminal`, DEL and the C1
 * control characters are written as \u007f to \u009f; they are valid in JSON as they are, but terminals act on them.
 * Returns the position behind what was written; `jsonSize` says how much room it needs.
 */
export function writeJson(
  out: Buffer,
  at: number,
  bytes: Buffer,
  start: number,
  end: number,
  forTerminal = false,
): number {
  const opening = at
  const isPlain = forTerminal ? plainOnTerminal : plain
  out[at++] = 0x22
  for (let i = start; i < end; ) {
    let run = i
    while (run < end && isPlain[bytes[run]!] === 1) run++
    at = writeBytes(out, at, bytes, i, run)
    if (run === end) break
    i = run
    const byte = bytes[i]!
    if (byte < 0x80) {
      at = writeEscape(out, at, byte)
      i++
      continue
    }
    const length = utf8SequenceLength(bytes, i, end)
    if (length === 0) return writeBase64(out, opening, bytes, start, end)
    if (forTerminal && byte === 0xc2 && bytes[i + 1]! < 0xa0) at = writeEscape(out, at, bytes[i + 1]!)
    else for (let k = 0; k < length; k++) out[at++] = bytes[i + k]!
    i += length
  }
  out[at++] = 0x22
  return at
}

/** An upper bound of the bytes that `writeJson` writes, exact enough for large pieces and cheap for small ones. */
export function jsonSize(bytes: Buffer, start: number, end: number): number {
  const length = end - start
  if (length * MAX_JSON_GROWTH <= CHEAP_BOUND_BYTES) return length * MAX_JSON_GROWTH + WRAPPING_BYTES
  let size = length
  // C1 characters have two bytes already, and DEL one: with their escapes five more are the most, as for the others.
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    if (plainOnTerminal[byte] === 0 && (byte < 0x80 || byte === 0xc2)) size += MAX_JSON_GROWTH - 1
  }
  return Math.max(size, Math.ceil(length / 3) * 4) + WRAPPING_BYTES
}

function writeEscape(out: Buffer, at: number, byte: number): number {
  out[at++] = 0x5c
  const short = shortEscapes[byte]
  if (short !== undefined) {
    out[at++] = short
    return at
  }
  out[at++] = 0x75
  out[at++] = 0x30
  out[at++] = 0x30
  out[at++] = HEX.charCodeAt(byte >> 4)
  out[at++] = HEX.charCodeAt(byte & 0x0f)
  return at
}

function writeBase64(out: Buffer, at: number, bytes: Buffer, start: number, end: number): number {
  return at + out.write(`{"base64":"${bytes.toString('base64', start, end)}"}`, at, 'latin1')
}

/**
 * `read -J`: one record a line, keys always in the order topic, partition, offset, timestamp, key, value, headers. Built
 * by hand into the output block: no object or string for a record without headers and with UTF-8 content.
 */
export class JsonWriter implements RecordWriter {
  readonly #sink: BlockSink
  readonly #prefix: Buffer
  readonly #forTerminal: boolean

  constructor(sink: BlockSink, origin: RecordOrigin, forTerminal: boolean) {
    this.#sink = sink
    this.#prefix = Buffer.from(`{"topic":${JSON.stringify(origin.topic)},"partition":${origin.partition},"offset":`)
    this.#forTerminal = forTerminal
  }

  write(record: RecordView): void {
    const { bytes, keyStart, valueStart } = record
    const headers = record.headersCount > 0 ? record.headers() : undefined
    let size = this.#prefix.length + fixedBytes
    size += keyStart < 0 ? WRAPPING_BYTES : jsonSize(bytes, keyStart, record.keyEnd)
    size += valueStart < 0 ? WRAPPING_BYTES : jsonSize(bytes, valueStart, record.valueEnd)
    if (headers !== undefined) size += headersSize(headers)
    this.#sink.ensure(size)

    const out = this.#sink.block
    let at = writeBytes(out, this.#sink.position, this.#prefix, 0, this.#prefix.length)
    at = writeDecimal(out, at, record.offset)
    at = writeBytes(out, at, timestampField, 0, timestampField.length)
    at = writeDecimal(out, at, record.timestamp)
    at = writeBytes(out, at, keyField, 0, keyField.length)
    at = writeNullable(out, at, bytes, keyStart, record.keyEnd, this.#forTerminal)
    at = writeBytes(out, at, valueField, 0, valueField.length)
    at = writeNullable(out, at, bytes, valueStart, record.valueEnd, this.#forTerminal)
    at = writeBytes(out, at, headersField, 0, headersField.length)
    if (headers !== undefined) at = writeHeaders(out, at, headers, this.#forTerminal)
    out[at++] = 0x5d
    out[at++] = 0x7d
    out[at++] = 0x0a
    this.#sink.position = at
  }
}

/** As `writeJson`, with `null` for a start of -1. */
export function writeNullable(
  out: Buffer,
  at: number,
  bytes: Buffer,
  start: number,
  end: number,
  forTerminal: boolean,
): number {
  if (start >= 0) return writeJson(out, at, bytes, start, end, forTerminal)
  return at + out.write('null', at, 'latin1')
}

/** Room for `writeHeaders`. */
export function headersSize(headers: [Buffer, Buffer | null][]): number {
  let size = 0
  for (const [key, value] of headers) {
    size += jsonSize(key, 0, key.length) + (value === null ? 0 : jsonSize(value, 0, value.length)) + 2 * WRAPPING_BYTES
  }
  return size
}

/** `["k","v"],["k2",null]`, without the outer brackets. */
export function writeHeaders(
  out: Buffer,
  at: number,
  headers: [Buffer, Buffer | null][],
  forTerminal: boolean,
): number {
  let isFirst = true
  for (const [key, value] of headers) {
    if (!isFirst) out[at++] = 0x2c
    isFirst = false
    out[at++] = 0x5b
    at = writeJson(out, at, key, 0, key.length, forTerminal)
    out[at++] = 0x2c
    at =
      value === null
        ? writeNullable(out, at, key, -1, -1, forTerminal)
        : writeJson(out, at, value, 0, value.length, forTerminal)
    out[at++] = 0x5d
  }
  return at
}
