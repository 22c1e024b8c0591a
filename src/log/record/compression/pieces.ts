import { TooLargeWhenDecompressedError } from '../../errors.ts'

/** The pieces that a payload is decompressed into; together they never pass `limit` bytes. */
export class Pieces {
  readonly limit: number
  #length = 0
  readonly #pieces: Buffer[] = []

  constructor(limit: number) {
    this.limit = limit
  }

  /** How many bytes may still come. */
  get room(): number {
    return this.limit - this.#length
  }

  get last(): Buffer | undefined {
    return this.#pieces.at(-1)
  }

  add(piece: Buffer): void {
    if (piece.length > this.room) throw tooLargeWhenDecompressed(this.limit)
    this.#length += piece.length
    this.#pieces.push(piece)
  }

  /** A single piece, which most payloads are, is not copied. */
  join(): Buffer {
    return this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces, this.#length)
  }
}

export function tooLargeWhenDecompressed(limit: number): TooLargeWhenDecompressedError {
  return new TooLargeWhenDecompressedError(`payload becomes larger than ${limit} bytes when decompressed`, {
    hint: 'a batch that Kafka wrote stays far below this; it may have been made to exhaust memory',
  })
}
