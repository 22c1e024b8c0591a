import { InvalidRecordError } from '../../log/index.ts'
import type { Framing, InputWindow, RecordTarget, Taken } from './framing.ts'
import type { RecordRules } from './record-rules.ts'
import { recordTooLarge } from './too-large.ts'

/** Reads the length in front of a record. */
export interface LengthPrefix {
  /** Bytes that the prefix at bytes[start, end) takes, 0 if it is not whole yet; then `length` has what it says. */
  read(bytes: Buffer, start: number, end: number): number
  length: number
}

/** Four bytes, big-endian. */
export class Uint32Prefix implements LengthPrefix {
  length = 0

  read(bytes: Buffer, start: number, end: number): number {
    if (end - start < 4) return 0
    this.length = bytes.readUInt32BE(start)
    return 4
  }
}

/** Unsigned LEB128, as in Protocol Buffers' delimited streams: seven bits a byte, the low ones first. At most five bytes. */
export class VarintPrefix implements LengthPrefix {
  length = 0

  read(bytes: Buffer, start: number, end: number): number {
    let length = 0
    let factor = 1
    for (let at = start; at < end && at < start + 5; at++) {
      const byte = bytes[at]!
      // Multiplied, not shifted: the fifth byte's bits lie above the 31 that a shift keeps positive.
      length += (byte & 0x7f) * factor
      if (byte < 0x80) {
        this.length = length
        return at + 1 - start
      }
      factor *= 128
    }
    if (end - start >= 5) throw new InvalidRecordError('a length prefix of more than five bytes')
    return 0
  }
}

/** Records with their length in front of them and nothing between them. */
export class LengthPrefixedFraming implements Framing {
  readonly unit = 'record'
  readonly #prefix: LengthPrefix
  readonly #rules: RecordRules

  constructor(prefix: LengthPrefix, rules: RecordRules) {
    this.#prefix = prefix
    this.#rules = rules
  }

  take(input: InputWindow, target: RecordTarget): Taken {
    const { bytes, end } = input
    for (;;) {
      const prefixBytes = this.#prefix.read(bytes, input.start, end)
      if (prefixBytes === 0) break
      const { length } = this.#prefix
      if (length > target.maxMessageBytes) throw recordTooLarge(length, target)
      const start = input.start + prefixBytes
      if (end - start < length) break
      if (!this.#rules.append(target, bytes, start, start + length)) return 'full'
      input.start = start + length
      input.ordinal++
    }
    if (input.hasEnded && input.start < end) input.endsInside(this.#unfinished(input))
    return 'more'
  }

  #unfinished(input: InputWindow): InvalidRecordError {
    const prefixBytes = this.#prefix.read(input.bytes, input.start, input.end)
    if (prefixBytes === 0) return new InvalidRecordError('the input ends inside a length prefix')
    const found = input.end - input.start - prefixBytes
    return new InvalidRecordError(
      `the input ends inside a record: its length says ${this.#prefix.length} bytes, ${found} are there`,
    )
  }
}
