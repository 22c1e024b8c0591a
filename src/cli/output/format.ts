import { InvalidArgumentError, type RecordView } from '../../log/index.ts'
import { unescapeToBytes } from '../escapes.ts'
import { MAX_DECIMAL_BYTES, writeBytes, writeDecimal } from './bytes.ts'
import { MAX_ESCAPE_GROWTH, writeEscaped } from './escape.ts'
import { headersSize, jsonSize, writeHeaders, writeNullable } from './json.ts'
import type { RecordOrigin, RecordWriter } from './record-writer.ts'
import type { BlockSink } from './stdout.ts'

/** The letters are those of kcat. */
const fields = {
  s: 'value',
  v: 'value',
  k: 'key',
  o: 'offset',
  p: 'partition',
  t: 'topic',
  T: 'timestamp',
  h: 'headers',
  S: 'valueSize',
  K: 'keySize',
} as const
type Field = (typeof fields)[keyof typeof fields]

const encodings: Partial<Record<Field, readonly string[]>> = {
  value: ['hex', 'base64', 'json'],
  key: ['hex', 'base64', 'json'],
  timestamp: ['iso'],
  headers: ['json'],
}
type Encoding = 'raw' | 'hex' | 'base64' | 'json' | 'iso'

export const formatHelp =
  '%s %v value, %k key, %o offset, %p partition, %t topic, %T timestamp (ms), %T{iso}, %h headers (k=v,…), %h{json}, ' +
  '%S %K size of value and key (-1: null), %v{hex|base64|json}, %k{…}, %%, and \\n \\t \\xNN'

const hint = `known are ${formatHelp}`

type Part = { readonly text: Buffer } | { readonly field: Field; readonly encoding: Encoding }

/** What `-f FORMAT` says, parsed once. InvalidArgumentError for an unknown directive, encoding or escape. */
export class RecordFormat {
  readonly parts: readonly Part[]

  constructor(format: string) {
    const parts: Part[] = []
    let text = 0
    const literal = (end: number) => {
      if (end > text) parts.push({ text: unescapeToBytes(format.slice(text, end)) })
    }
    for (let at = format.indexOf('%'); at >= 0; at = format.indexOf('%', text)) {
      literal(at)
      const [part, end] = parseDirective(format, at)
      parts.push(part)
      text = end
    }
    literal(format.length)
    if (!parts.some(part => 'field' in part)) {
      throw new InvalidArgumentError(`the format "${format}" prints nothing of a record`, {
        hint: "a format is a text like '%o %v\\n'; --follow waits for more records, and so does loglady tail -f",
      })
    }
    this.parts = parts
  }
}

/** `%v`, `%v{hex}` or `%%` at `at`, and the position behind it. */
function parseDirective(format: string, at: number): [Part, number] {
  const letter = format[at + 1] ?? ''
  if (letter === '%') return [{ text: Buffer.from('%') }, at + 2]
  if (!Object.hasOwn(fields, letter)) {
    throw new InvalidArgumentError(`unknown directive %${letter} in the format "${format}"`, { hint })
  }
  const field = fields[letter as keyof typeof fields]
  if (format[at + 2] !== '{') return [{ field, encoding: 'raw' }, at + 2]
  const end = format.indexOf('}', at)
  const encoding = end < 0 ? '' : format.slice(at + 3, end)
  if (encodings[field]?.includes(encoding) !== true) {
    const found = end < 0 ? format.slice(at) : format.slice(at, end + 1)
    throw new InvalidArgumentError(`unknown directive ${found} in the format "${format}"`, { hint })
  }
  return [{ field, encoding: encoding as Encoding }, end + 1]
}

/** Prints records as `-f` says, and adds nothing: no line feed either. */
export class FormatWriter implements RecordWriter {
  readonly #sink: BlockSink
  readonly #parts: readonly Part[]
  readonly #origin: RecordOrigin
  readonly #topic: Buffer
  readonly #forTerminal: boolean

  /** With `forTerminal`, what comes from records is made harmless for a terminal; the format's own text stays. */
  constructor(sink: BlockSink, format: RecordFormat, origin: RecordOrigin, forTerminal: boolean) {
    this.#sink = sink
    this.#parts = format.parts
    this.#origin = origin
    this.#topic = Buffer.from(origin.topic)
    this.#forTerminal = forTerminal
  }

  write(record: RecordView): void {
    for (const part of this.#parts) {
      if ('text' in part) this.#writeText(part.text)
      else this.#writeField(record, part.field, part.encoding)
    }
  }

  #writeField(record: RecordView, field: Field, encoding: Encoding): void {
    switch (field) {
      case 'value':
        this.#writeData(record.bytes, record.valueStart, record.valueEnd, encoding)
        break
      case 'key':
        this.#writeData(record.bytes, record.keyStart, record.keyEnd, encoding)
        break
      case 'offset':
        this.#writeNumber(record.offset)
        break
      case 'partition':
        this.#writeNumber(this.#origin.partition)
        break
      case 'topic':
        this.#writeText(this.#topic)
        break
      case 'timestamp':
        if (encoding === 'iso') this.#writeTime(record.timestamp)
        else this.#writeNumber(record.timestamp)
        break
      case 'headers':
        if (encoding === 'json') this.#writeJsonHeaders(record)
        else this.#writeHeaders(record)
        break
      case 'valueSize':
        this.#writeNumber(record.valueStart < 0 ? -1 : record.valueEnd - record.valueStart)
        break
      case 'keySize':
        this.#writeNumber(record.keyStart < 0 ? -1 : record.keyEnd - record.keyStart)
    }
  }

  #writeData(bytes: Buffer, start: number, end: number, encoding: Encoding): void {
    const sink = this.#sink
    if (encoding === 'json') {
      sink.ensure(jsonSize(bytes, Math.max(start, 0), start < 0 ? 0 : end))
      sink.position = writeNullable(sink.block, sink.position, bytes, start, end, this.#forTerminal)
    } else if (start < 0) {
      // A null prints nothing; %S and %K tell it from an empty one, and so does {json}.
    } else if (encoding !== 'raw') {
      this.#writeText(Buffer.from(bytes.toString(encoding as 'hex' | 'base64', start, end)))
    } else if (this.#forTerminal) {
      sink.ensure((end - start) * MAX_ESCAPE_GROWTH)
      sink.position = writeEscaped(sink.block, sink.position, bytes, start, end)
    } else {
      sink.ensure(end - start)
      sink.position = writeBytes(sink.block, sink.position, bytes, start, end)
    }
  }

  #writeHeaders(record: RecordView): void {
    if (record.headersCount === 0) return
    let isFirst = true
    for (const [key, value] of record.headers()) {
      if (!isFirst) this.#writeText(comma)
      isFirst = false
      this.#writeData(key, 0, key.length, 'raw')
      this.#writeText(equals)
      if (value === null) this.#writeText(nullText)
      else this.#writeData(value, 0, value.length, 'raw')
    }
  }

  #writeJsonHeaders(record: RecordView): void {
    const headers = record.headersCount === 0 ? [] : record.headers()
    const sink = this.#sink
    sink.ensure(headersSize(headers) + 2)
    sink.block[sink.position++] = 0x5b
    sink.position = writeHeaders(sink.block, sink.position, headers, this.#forTerminal)
    sink.block[sink.position++] = 0x5d
  }

  #writeNumber(value: number): void {
    this.#sink.ensure(MAX_DECIMAL_BYTES)
    this.#sink.position = writeDecimal(this.#sink.block, this.#sink.position, value)
  }

  #writeTime(timestamp: number): void {
    const date = new Date(timestamp)
    // -1 is "no timestamp", and a date ends long before 2^53.
    if (timestamp < 0 || Number.isNaN(date.getTime())) this.#writeNumber(timestamp)
    else this.#writeText(Buffer.from(date.toISOString()))
  }

  #writeText(text: Buffer): void {
    this.#sink.ensure(text.length)
    this.#sink.position = writeBytes(this.#sink.block, this.#sink.position, text, 0, text.length)
  }
}

const comma = Buffer.from(',')
const equals = Buffer.from('=')
/** What kcat prints for a header without a value. */
const nullText = Buffer.from('NULL')
