import { InvalidRecordError } from '../../log/index.ts'

const TAB = 0x09
const NEWLINE = 0x0a
const CARRIAGE_RETURN = 0x0d
const SPACE = 0x20
const QUOTE = 0x22
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
const BACKSLASH = 0x5c
const LETTER_U = 0x75

/** The byte that each one-letter escape stands for: \" \\ \/ \b \f \n \r \t. */
const escapes = new Map(
  Object.entries({ '"': 0x22, '\\': 0x5c, '/': 0x2f, b: 0x08, f: 0x0c, n: 0x0a, r: 0x0d, t: 0x09 }).map(
    ([letter, byte]) => [letter.charCodeAt(0), byte],
  ),
)
const literals = { null: Buffer.from('null'), true: Buffer.from('true'), false: Buffer.from('false') }

/**
 * The tokens of JSON (RFC 8259) in a range of bytes. A string's bytes are bytes[start, end) afterwards: of the input
 * itself, or of a scratch buffer if it had escapes. Ranges of one line stay valid until the next `open()`.
 */
export class JsonScanner {
  bytes: Buffer = Buffer.alloc(0)
  start = 0
  end = 0
  #input: Buffer = this.bytes
  #at = 0
  #limit = 0
  #scratch = Buffer.allocUnsafe(4096)
  #scratchEnd = 0

  open(input: Buffer, start: number, end: number): void {
    this.#input = input
    this.#at = start
    this.#limit = end
    this.#scratchEnd = 0
  }

  /** Position of the next byte that is no white space. */
  skipSpace(): number {
    const input = this.#input
    while (this.#at < this.#limit) {
      const byte = input[this.#at]!
      if (byte !== SPACE && byte !== TAB && byte !== NEWLINE && byte !== CARRIAGE_RETURN) break
      this.#at++
    }
    return this.#at
  }

  /** The next byte that is no white space, -1 at the end. */
  peek(): number {
    const at = this.skipSpace()
    return at < this.#limit ? this.#input[at]! : -1
  }

  accept(byte: number): boolean {
    if (this.peek() !== byte) return false
    this.#at++
    return true
  }

  expect(byte: number, what: string): void {
    if (!this.accept(byte)) throw this.#expected(what)
  }

  expectEnd(): void {
    if (this.peek() >= 0) throw this.#expected('the end of the line')
  }

  null(): void {
    this.#literal('null')
  }

  /** A string; what it says is bytes[start, end), as UTF-8. */
  string(what: string): void {
    this.expect(QUOTE, what)
    const input = this.#input
    const first = this.#at
    for (let at = first; at < this.#limit; at++) {
      const byte = input[at]!
      if (byte === QUOTE) {
        this.bytes = input
        this.start = first
        this.end = at
        this.#at = at + 1
        return
      }
      if (byte === BACKSLASH) {
        this.#unescape(first, at)
        return
      }
      if (byte < SPACE) throw this.#controlByte(at)
    }
    throw this.#unterminated(first)
  }

  /** A string of base64 (RFC 4648, with padding); what it stands for is bytes[start, end). */
  base64(): void {
    const position = this.skipSpace()
    this.string('a string')
    const text = this.bytes.toString('latin1', this.start, this.end)
    const decoded = Buffer.from(text, 'base64')
    // Node skips what is no base64; only what encodes to the same text again was all of it.
    if (decoded.toString('base64') !== text) throw new InvalidRecordError('not base64', { position })
    this.bytes = decoded
    this.start = 0
    this.end = decoded.length
  }

  /** A number without fraction or exponent, in [lowest, highest]. */
  integer(what: string, lowest: number, highest: number): number {
    const position = this.skipSpace()
    const plain = this.#plainInteger()
    if (plain >= 0 && plain <= highest) return plain
    const text = this.#numberText()
    if (!/^-?\d+$/.test(text)) throw new InvalidRecordError(`${what} is a whole number`, { position })
    const value = Number(text)
    if (value < lowest || value > highest) {
      throw new InvalidRecordError(`${what} ${text} is not in the range ${lowest} to ${highest}`, { position })
    }
    return value + 0 // -0 becomes 0
  }

  /** A string, number, true, false or null whose meaning nobody asks for. */
  skipScalar(what: string): void {
    const byte = this.peek()
    if (byte === QUOTE) this.string('a string')
    else if (byte === MINUS || (byte >= ZERO && byte <= NINE)) {
      if (this.#plainInteger() < 0) this.#numberText()
    } else if (byte === 0x6e) this.#literal('null')
    else if (byte === 0x74) this.#literal('true')
    else if (byte === 0x66) this.#literal('false')
    else throw this.#expected(`${what} as a string or number`)
  }

  /** The last string as a view. */
  view(): Buffer {
    return this.bytes.subarray(this.start, this.end)
  }

  /** The last string for a message, shortened. */
  quote(): string {
    const text = this.view().toString()
    return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)
  }

  /** The way of nearly all numbers: up to fifteen digits and nothing else. -1, and nothing taken, for any other. */
  #plainInteger(): number {
    const input = this.#input
    const first = this.#at
    let value = 0
    let at = first
    while (at < this.#limit && input[at]! >= ZERO && input[at]! <= NINE) value = value * 10 + (input[at++]! - ZERO)
    const hasLeadingZero = input[first] === ZERO && at > first + 1
    const goesOn = at < this.#limit && isNumberByte(input[at]!)
    if (at === first || at > first + 15 || hasLeadingZero || goesOn) return -1
    this.#at = at
    return value
  }

  #numberText(): string {
    const first = this.skipSpace()
    let at = first
    while (at < this.#limit && isNumberByte(this.#input[at]!)) at++
    const text = this.#input.toString('latin1', first, at)
    if (!/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text)) throw this.#expected('a number')
    this.#at = at
    return text
  }

  #literal(name: keyof typeof literals): void {
    const literal = literals[name]
    const end = this.#at + literal.length
    if (end > this.#limit || literal.compare(this.#input, this.#at, end) !== 0) throw this.#expected('a JSON value')
    this.#at = end
  }

  /** The string that begins at `first` and has its first escape at `firstEscape`, unescaped into the scratch buffer. */
  #unescape(first: number, firstEscape: number): void {
    const input = this.#input
    // No escape is shorter than what it stands for, so the rest of the line bounds the string.
    this.#reserve(this.#limit - first)
    const scratch = this.#scratch
    const start = this.#scratchEnd
    let to = start + input.copy(scratch, start, first, firstEscape)
    let at = firstEscape
    while (at < this.#limit) {
      const byte = input[at]!
      if (byte === QUOTE) {
        this.bytes = scratch
        this.start = start
        this.end = to
        this.#scratchEnd = to
        this.#at = at + 1
        return
      }
      if (byte < SPACE) throw this.#controlByte(at)
      if (byte !== BACKSLASH) {
        scratch[to++] = byte
        at++
      } else if (input[at + 1] === LETTER_U) {
        const codePoint = this.#codePoint(at)
        to += scratch.write(String.fromCodePoint(codePoint), to)
        at += codePoint > 0xffff ? 12 : 6
      } else {
        const meant = at + 1 < this.#limit ? escapes.get(input[at + 1]!) : undefined
        if (meant === undefined) throw new InvalidRecordError('no such escape in JSON', { position: at })
        scratch[to++] = meant
        at += 2
      }
    }
    throw this.#unterminated(first)
  }

  /** The code point of the \uXXXX at `at`, or of the two that make one above U+FFFF. */
  #codePoint(at: number): number {
    const unit = this.#hexUnit(at)
    if (unit < 0xd800 || unit > 0xdfff) return unit
    const isPaired = unit < 0xdc00 && this.#input[at + 6] === BACKSLASH && this.#input[at + 7] === LETTER_U
    const second = isPaired ? this.#hexUnit(at + 6) : 0
    if (second < 0xdc00 || second > 0xdfff) {
      throw new InvalidRecordError('a lone surrogate, which stands for no bytes', {
        position: at,
        hint: 'bytes that are no UTF-8 go into {"base64": "…"}',
      })
    }
    return 0x10000 + (unit - 0xd800) * 0x400 + (second - 0xdc00)
  }

  #hexUnit(at: number): number {
    const text = at + 6 <= this.#limit ? this.#input.toString('latin1', at + 2, at + 6) : ''
    if (!/^[0-9a-fA-F]{4}$/.test(text)) throw new InvalidRecordError('\\u takes four hex digits', { position: at })
    return Number.parseInt(text, 16)
  }

  /** Room for `bytes` more; a larger buffer takes the place of the old one, whose ranges stay as they are. */
  #reserve(bytes: number): void {
    if (this.#scratch.length - this.#scratchEnd >= bytes) return
    this.#scratch = Buffer.allocUnsafe(Math.max(bytes, this.#scratch.length * 2))
    this.#scratchEnd = 0
  }

  #expected(what: string): InvalidRecordError {
    const byte = this.peek()
    const found = byte < 0 ? 'the end' : byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `byte ${byte}`
    return new InvalidRecordError(`expected ${what}, found ${found}`, { position: this.#at })
  }

  #controlByte(position: number): InvalidRecordError {
    const byte = this.#input[position]!.toString(16).padStart(4, '0')
    return new InvalidRecordError(`a bare control character in a string, it has to be \\u${byte}`, { position })
  }

  #unterminated(first: number): InvalidRecordError {
    return new InvalidRecordError('a string without its closing quote', { position: first - 1 })
  }
}

function isNumberByte(byte: number): boolean {
  return (
    (byte >= ZERO && byte <= NINE) || byte === MINUS || byte === 0x2b || byte === 0x2e || byte === 0x65 || byte === 0x45
  )
}
