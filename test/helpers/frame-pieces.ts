import type { Framing, InputWindow } from '../../src/cli/framing/framing.ts'
import type { InvalidRecordError } from '../../src/log/index.ts'
import { RecordingTarget } from './recording-target.ts'

/** An input that is there in pieces: `next()` lets the framing see one more. Old bytes stand behind `end`, as in a real one. */
export class PieceInput implements InputWindow {
  bytes = Buffer.alloc(0)
  start = 0
  end = 0
  hasEnded = false
  ordinal = 1
  readonly #pieces: Buffer[]

  constructor(pieces: readonly Buffer[]) {
    this.#pieces = [...pieces]
  }

  next(): void {
    const piece = this.#pieces.shift()
    if (piece === undefined) {
      this.hasEnded = true
      return
    }
    const rest = this.bytes.subarray(this.start, this.end)
    const stale = this.bytes.subarray(0, 7)
    this.bytes = Buffer.concat([rest, piece, stale])
    this.start = 0
    this.end = rest.length + piece.length
  }

  endsInside(error: InvalidRecordError): void {
    throw error
  }
}

/** What a framing makes of bytes that arrive in these pieces. */
export function framePieces(
  framing: Framing,
  pieces: readonly Buffer[],
  target = new RecordingTarget(),
): RecordingTarget {
  const input = new PieceInput(pieces)
  for (;;) {
    while (framing.take(input, target) === 'full') target.flushFull()
    if (input.hasEnded) return target
    input.next()
  }
}

/** The bytes cut at random places, `random()` being in [0, 1). */
export function cutRandomly(bytes: Buffer, random: () => number): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + Math.floor(random() * random() * bytes.length)
    pieces.push(bytes.subarray(at, at + length))
    at += length
  }
  return pieces
}
