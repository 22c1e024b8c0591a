import { fstatSync } from 'node:fs'
import { CorruptLogError } from '../errors.ts'
import { OffsetIndex } from '../file/offset-index.ts'
import { BatchHeader } from '../record/batch-header.ts'
import { BatchScanner } from '../segment/batch-scanner.ts'
import { readFully } from '../segment/read-fully.ts'
import { closeQuietly, openSegmentFile, type SegmentFiles } from '../segment/segment-files.ts'
import type { PartitionFiles } from './partition-files.ts'

export interface BackwardReaderOptions {
  /** Offset before which reading begins, at most the log end offset. */
  before: number
  /** First offset that is wanted; the last batch returned may begin below it. */
  from: number
}

/** Batches of a piece of a segment lie at `positions[i]`; the last entry is where the piece ends. */
interface Piece {
  positions: number[]
  /** How many of them were not returned yet. */
  left: number
}

/**
 * Reads batches from the end of a log towards its beginning, for `-N`, `tail -n` and `--reverse`. A batch cannot be found
 * from its end, so a segment is taken in the pieces between index entries (4 KiB of batches, or one large batch), each walked
 * forward once over its headers and returned backwards: what is read is in proportion to what is returned. The index only
 * proposes; where a walk does not come out at the next entry, the segment is walked from byte 0.
 */
export class BackwardBatchReader {
  readonly #before: number
  readonly #from: number
  readonly #header = new BatchHeader()
  #segments: SegmentFiles[]
  #segment: SegmentFiles | undefined
  #fd = -1
  #index: OffsetIndex | undefined
  /** Entries of the index below this one are still to be taken; -1: only the piece from byte 0 on is left, -2: none. */
  #nextEntry = -2
  #pieceEnd = 0
  #piece: Piece = { positions: [], left: 0 }
  #buffer: Buffer = Buffer.alloc(0)
  #position = 0

  constructor(files: PartitionFiles, options: BackwardReaderOptions) {
    this.#before = options.before
    this.#from = options.from
    this.#segments = files.list().segments.filter(segment => segment.baseOffset < options.before)
  }

  get path(): string {
    return this.#segment?.logPath ?? ''
  }

  /** First byte of the batch that was returned last, or at which reading failed. */
  get filePosition(): number {
    return this.#position
  }

  /** The batch before the last one returned, valid until the next call; undefined at the beginning. Throws CorruptLogError. */
  next(): BatchHeader | undefined {
    for (;;) {
      while (this.#piece.left > 0) {
        const i = --this.#piece.left
        const header = this.#read(this.#piece.positions[i]!, this.#piece.positions[i + 1]!)
        if (header.lastOffset < this.#from) return this.#end()
        if (header.magic < 2 ? header.lastOffset - 1 < this.#before : header.baseOffset < this.#before) return header
      }
      if (!this.#nextPiece()) return this.#end()
    }
  }

  #end(): undefined {
    this.close()
    this.#segments = []
  }

  #read(position: number, end: number): BatchHeader {
    this.#position = position
    const size = end - position
    if (this.#buffer.length < size) this.#buffer = Buffer.allocUnsafe(Math.max(size, 2 * this.#buffer.length))
    const { logPath } = this.#segment!
    const read = readFully(this.#fd, logPath, this.#buffer, 0, position, size)
    const check = this.#header.read(this.#buffer, 0, read)
    const isGood = check === 'whole' && this.#header.crcMatches()
    if (isGood) return this.#header
    const reason = check === 'whole' ? 'crc' : check
    throw new CorruptLogError(
      reason === 'incomplete' ? 'the file ends inside a batch' : this.#header.describeFault(reason),
      {
        path: logPath,
        position,
      },
    )
  }

  #nextPiece(): boolean {
    if (this.#nextEntry === -2 && !this.#nextSegment()) return false
    const n = this.#nextEntry--
    const start = n < 0 ? 0 : this.#index!.entry(n).position
    if (start >= this.#pieceEnd) return true
    if (start < 0) {
      this.#nextEntry = -1
      return true
    }
    if (n < 0) this.#nextEntry = -2
    const positions = this.#walk(start, this.#pieceEnd)
    if (positions !== undefined) {
      this.#pieceEnd = start
      this.#piece = { positions, left: positions.length - 1 }
      return true
    }
    // The index lies, or there is damage: one walk from byte 0 decides.
    if (start > 0) this.#nextEntry = -1
    else
      throw new CorruptLogError('batches do not follow each other', { path: this.#segment!.logPath, position: start })
    return true
  }

  /** Positions of the batches in [start, end), and `end`; undefined if they do not come out there. */
  #walk(start: number, end: number): number[] | undefined {
    const scanner = new BatchScanner(this.#fd, this.#segment!.logPath, start, 1 << 16)
    const positions: number[] = []
    while (scanner.nextPosition < end) {
      if (scanner.nextInChain(end) !== 'batch') return undefined
      positions.push(scanner.filePosition)
    }
    if (scanner.nextPosition !== end) return undefined
    positions.push(end)
    return positions
  }

  #nextSegment(): boolean {
    this.close()
    const segment = this.#segments.pop()
    if (segment === undefined) return false
    this.#segment = segment
    this.#fd = openSegmentFile(segment.logPath, 'r')
    this.#index = segment.indexPath === undefined ? undefined : OffsetIndex.open(segment.indexPath, segment.baseOffset)
    const first = this.#index?.lookup(this.#before) ?? -1
    this.#pieceEnd = this.#validEnd(first < 0 ? 0 : this.#index!.entry(first).position)
    this.#nextEntry = first
    return true
  }

  /**
   * Where batches that begin below `before` end, from an index entry on. Only the first one's CRC is checked, to find out an
   * entry that lies: the others are when they are read, so damage that nobody asks for stops nobody.
   */
  #validEnd(from: number): number {
    const { logPath, baseOffset } = this.#segment!
    const scanner = new BatchScanner(this.#fd, logPath, from)
    if (from !== 0 && scanner.next() !== 'batch') return this.#validEnd(0)
    scanner.seek(from)
    const { size } = fstatSync(this.#fd)
    let reached = baseOffset
    while (reached < this.#before) {
      const outcome = scanner.nextInChain(size)
      const position = scanner.filePosition
      if (outcome === 'batch') {
        if (scanner.header.magic === 2 && scanner.header.baseOffset >= this.#before) return position
        reached = scanner.header.nextOffset
      } else if (outcome === 'end' || outcome === 'zeros') {
        return position
      } else {
        const reason = outcome === 'incomplete' ? 'the file ends inside a batch' : scanner.header.describeFault(outcome)
        throw new CorruptLogError(reason, { path: logPath, position, firstOffset: reached })
      }
    }
    return scanner.nextPosition
  }

  close(): void {
    this.#index?.close()
    this.#index = undefined
    if (this.#fd >= 0) closeQuietly(this.#fd)
    this.#fd = -1
    this.#piece = { positions: [], left: 0 }
  }
}
