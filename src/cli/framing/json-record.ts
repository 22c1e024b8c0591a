import { encodeHeaders, InvalidRecordError } from '../../log/index.ts'
import { JsonScanner } from './json-scanner.ts'

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const LETTER_N = 0x6e

const fieldNames = [
  'topic',
  'partition',
  'offset',
  'timestamp',
  'timestampType',
  'key',
  'value',
  'headers',
  'base64',
] as const

interface Field {
  name: (typeof fieldNames)[number]
  bytes: Buffer
  /** Marks it as seen. */
  bit: number
}

/** The fields whose names have so many bytes, two at most: a name is found by one or two comparisons. */
const fieldsByLength: Field[][] = []
for (const [index, name] of fieldNames.entries()) {
  const field = { name, bytes: Buffer.from(name), bit: 1 << index }
  fieldsByLength[name.length] = [...(fieldsByLength[name.length] ?? []), field]
}
const KEY_BIT = 1 << fieldNames.indexOf('key')
const VALUE_BIT = 1 << fieldNames.indexOf('value')

/**
 * One line of `read -J`, parsed without an object for it: key and value end up as ranges of the line itself, or of a
 * scratch buffer where they had to be unescaped or decoded.
 *
 * Strict, so that what does not reproduce the record byte for byte is refused and not guessed at: the fields of a record
 * and no others, each once; bytes as a string or as exactly `{"base64": "…"}`; whole numbers. Errors carry the position
 * in the buffer at which the line stops making sense.
 */
export class JsonRecord {
  keyBytes: Buffer | null = null
  keyStart = -1
  keyEnd = -1
  valueBytes: Buffer | null = null
  valueStart = -1
  valueEnd = -1
  /** As the batch holds them; undefined without the field. */
  headers: Buffer | undefined
  timestamp: number | undefined
  partition: number | undefined
  hasKey = false
  readonly #scanner = new JsonScanner()
  /** The bits of the fields that the line had so far. */
  #seen = 0

  /** Parses bytes[start, end), which must be valid UTF-8. */
  parse(bytes: Buffer, start: number, end: number): void {
    this.keyBytes = null
    this.headers = undefined
    this.timestamp = undefined
    this.partition = undefined
    this.#seen = 0
    const scanner = this.#scanner
    scanner.open(bytes, start, end)
    scanner.expect(OPEN_BRACE, 'a JSON object')
    if (!scanner.accept(CLOSE_BRACE)) {
      do this.#parseField()
      while (scanner.accept(COMMA))
      scanner.expect(CLOSE_BRACE, '"," or "}"')
    }
    scanner.expectEnd()
    this.hasKey = (this.#seen & KEY_BIT) !== 0
    if ((this.#seen & VALUE_BIT) === 0)
      throw new InvalidRecordError('the record has no "value" (null is one)', { position: start })
  }

  #parseField(): void {
    const scanner = this.#scanner
    const position = scanner.skipSpace()
    const field = this.#field()
    if (field === undefined || field.name === 'base64') {
      throw new InvalidRecordError(`a record has no field ${scanner.quote()}`, {
        position,
        hint: 'its fields are key, value, headers, timestamp, partition; topic, offset and timestampType are ignored',
      })
    }
    if ((this.#seen & field.bit) !== 0)
      throw new InvalidRecordError(`field "${field.name}" is there twice`, { position })
    this.#seen |= field.bit
    scanner.expect(COLON, '":"')
    switch (field.name) {
      case 'key':
        if (this.#parseBytesOrNull('a key')) {
          this.keyBytes = scanner.bytes
          this.keyStart = scanner.start
          this.keyEnd = scanner.end
        }
        return
      case 'value':
        this.valueBytes = null
        if (this.#parseBytesOrNull('a value')) {
          this.valueBytes = scanner.bytes
          this.valueStart = scanner.start
          this.valueEnd = scanner.end
        }
        return
      case 'headers':
        this.headers = this.#parseHeaders()
        return
      case 'timestamp':
        // -1 is a record without one; below it Kafka's own readers refuse the batch.
        this.timestamp = scanner.integer('timestamp', -1, Number.MAX_SAFE_INTEGER)
        return
      case 'partition':
        this.partition = scanner.integer('partition', 0, 0x7fffffff)
        return
      default:
        scanner.skipScalar(field.name)
    }
  }

  /** The field whose name comes next, undefined for one that a record does not have. */
  #field(): Field | undefined {
    const scanner = this.#scanner
    scanner.string('a field name')
    const { bytes, start } = scanner
    for (const field of fieldsByLength[scanner.end - start] ?? []) {
      let matched = 0
      while (matched < field.bytes.length && bytes[start + matched] === field.bytes[matched]) matched++
      if (matched === field.bytes.length) return field
    }
    return undefined
  }

  /** A string, `{"base64": "…"}`, or null (false). What it holds is then in the scanner's bytes[start, end). */
  #parseBytesOrNull(what: string): boolean {
    const scanner = this.#scanner
    if (scanner.peek() === LETTER_N) {
      scanner.null()
      return false
    }
    this.#parseBytes(what)
    return true
  }

  #parseBytes(what: string): void {
    const scanner = this.#scanner
    const first = scanner.peek()
    if (first === QUOTE) {
      scanner.string(what)
      return
    }
    const position = scanner.skipSpace()
    const fault = (): InvalidRecordError =>
      new InvalidRecordError(`${what} is a string, {"base64": "…"} or null`, { position })
    if (first !== OPEN_BRACE) throw fault()
    scanner.expect(OPEN_BRACE, '"{"')
    if (scanner.peek() !== QUOTE || this.#field()?.name !== 'base64') throw fault()
    scanner.expect(COLON, '":"')
    if (scanner.peek() !== QUOTE) throw fault()
    scanner.base64()
    if (!scanner.accept(CLOSE_BRACE)) throw fault()
  }

  #parseHeaders(): Buffer {
    const scanner = this.#scanner
    const pairs: [Buffer, Buffer | null][] = []
    scanner.expect(OPEN_BRACKET, 'headers as an array of ["name", "value"] pairs')
    if (scanner.accept(CLOSE_BRACKET)) return encodeHeaders(pairs)
    do {
      scanner.expect(OPEN_BRACKET, 'a header as a ["name", "value"] pair')
      this.#parseBytes("a header's name")
      const name = scanner.view()
      scanner.expect(COMMA, 'a header of two elements')
      pairs.push([name, this.#parseBytesOrNull("a header's value") ? scanner.view() : null])
      scanner.expect(CLOSE_BRACKET, 'a header of two elements')
    } while (scanner.accept(COMMA))
    scanner.expect(CLOSE_BRACKET, '"," or "]"')
    return encodeHeaders(pairs)
  }
}
