import type { RecordView } from '../../log/index.ts'
import { writeBytes } from './bytes.ts'
import { MAX_ESCAPE_GROWTH, writeEscaped } from './escape.ts'
import type { RecordWriter } from './record-writer.ts'
import type { BlockSink } from './stdout.ts'

const nothing = Buffer.alloc(0)

export interface DelimitedOptions {
  /** Behind each value. */
  delimiter: Buffer
  /** With it, `key, keyDelimiter` stand before the value; a null key prints neither, an empty one the delimiter. */
  keyDelimiter?: Buffer
  /** Make what a terminal would act on harmless; delimiters are the user's own and stay. */
  forTerminal?: boolean
}

/** Values as they are, each with a delimiter behind it: append's lines and NUL framing backwards. A null prints as empty. */
export class DelimitedWriter implements RecordWriter {
  readonly #sink: BlockSink
  readonly #delimiter: Buffer
  readonly #keyDelimiter: Buffer | undefined
  readonly #write: typeof writeBytes
  readonly #growth: number

  constructor(sink: BlockSink, { delimiter, keyDelimiter, forTerminal = false }: DelimitedOptions) {
    this.#sink = sink
    this.#delimiter = delimiter
    this.#keyDelimiter = keyDelimiter
    this.#write = forTerminal ? writeEscaped : writeBytes
    this.#growth = forTerminal ? MAX_ESCAPE_GROWTH : 1
  }

  write({ bytes, keyStart, keyEnd, valueStart, valueEnd }: RecordView): void {
    const sink = this.#sink
    const delimiter = this.#delimiter
    const keyDelimiter = this.#keyDelimiter ?? nothing
    sink.ensure((keyEnd - keyStart + valueEnd - valueStart) * this.#growth + keyDelimiter.length + delimiter.length)
    const { block } = sink
    let at = sink.position
    if (this.#keyDelimiter !== undefined && keyStart >= 0) {
      at = this.#write(block, at, bytes, keyStart, keyEnd)
      at = writeBytes(block, at, keyDelimiter, 0, keyDelimiter.length)
    }
    if (valueStart >= 0) at = this.#write(block, at, bytes, valueStart, valueEnd)
    if (delimiter.length === 1) block[at++] = delimiter[0]!
    else at = writeBytes(block, at, delimiter, 0, delimiter.length)
    sink.position = at
  }
}

export interface LengthPrefixedOptions {
  /** `u32be`: four bytes, big-endian. `varint`: unsigned LEB128, seven bits a byte, lowest first (not Kafka's zig-zag). */
  prefix: 'u32be' | 'varint'
  keyDelimiter?: Buffer
  forTerminal?: boolean
}

const MAX_PREFIX_BYTES = 5

/** Each value behind its length in bytes: append's u32be and varint framing backwards. A null prints as empty. */
export class LengthPrefixedWriter implements RecordWriter {
  readonly #sink: BlockSink
  readonly #isVarint: boolean
  readonly #keyDelimiter: Buffer | undefined
  readonly #write: typeof writeBytes
  readonly #growth: number
  readonly #prefix = Buffer.alloc(MAX_PREFIX_BYTES)

  constructor(sink: BlockSink, { prefix, keyDelimiter, forTerminal = false }: LengthPrefixedOptions) {
    this.#sink = sink
    this.#isVarint = prefix === 'varint'
    this.#keyDelimiter = keyDelimiter
    this.#write = forTerminal ? writeEscaped : writeBytes
    this.#growth = forTerminal ? MAX_ESCAPE_GROWTH : 1
  }

  write({ bytes, keyStart, keyEnd, valueStart, valueEnd }: RecordView): void {
    const sink = this.#sink
    const keyDelimiter = keyStart >= 0 ? this.#keyDelimiter : undefined
    const keySize = keyDelimiter === undefined ? 0 : keyEnd - keyStart + keyDelimiter.length
    const size = keySize + (valueStart < 0 ? 0 : valueEnd - valueStart)
    sink.ensure((MAX_PREFIX_BYTES + size) * this.#growth)
    const { block } = sink
    let at = this.#write(block, sink.position, this.#prefix, 0, this.#encodePrefix(size))
    if (keyDelimiter !== undefined) {
      at = this.#write(block, at, bytes, keyStart, keyEnd)
      at = this.#write(block, at, keyDelimiter, 0, keyDelimiter.length)
    }
    if (valueStart >= 0) at = this.#write(block, at, bytes, valueStart, valueEnd)
    sink.position = at
  }

  #encodePrefix(size: number): number {
    if (!this.#isVarint) return this.#prefix.writeUInt32BE(size)
    let length = 0
    let rest = size
    for (; rest >= 0x80; rest >>>= 7) this.#prefix[length++] = (rest & 0x7f) | 0x80
    this.#prefix[length++] = rest
    return length
  }
}
