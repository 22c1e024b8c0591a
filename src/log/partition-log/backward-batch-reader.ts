import { fstatSync } from 'node:fs'
import { CorruptLogError } from '../errors.ts'
import { OffsetIndex } from '../file/offset-index.ts'
import { BatchHeader } from '../record/batch-header.ts'
import { BatchOrder, type OrderRules } from '../segment/batch-order.ts'
import { BatchScanner, type ScanOutcome } from '../segment/batch-scanner.ts'
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
  /** Of batches whose offset or leader epoch is wrong, by their number. */
  faults: Map<number, CorruptLogError>
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
  readonly #rules: OrderRules
  readonly #header = new BatchHeader()
  #segments: SegmentFiles[]
  #segment: SegmentFiles | undefined
  #fd = -1
  #index: OffsetIndex | undefined
  /** Entries of the index below this one are still to be taken; -1: only the piece from byte 0 on is left, -2: none. */
  #nextEntry = -2
  #pieceEnd = 0
  #piece: Piece = { positions: [], faults: new Map(), left: 0 }
  #buffer: Buffer = Buffer.alloc(0)
  #position = 0

  constructor(files: PartitionFiles, options: BackwardReaderOptions) {
    this.#before = options.before
    this.#from = options.from
    this.#rules = files.rules
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
        const fault = this.#piece.faults.get(i)
        if (fault !== undefined) this.#refuse(fault)
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

  #refuse(fault: CorruptLogError): never {
    this.#position = fault.position!
    throw fault
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
    if (n < 0) this.#nextEntry = -2
    else if (this.#index!.entry(n).position >= this.#pieceEnd) return true
    const start = this.#anchor(n)
    const piece = start && this.#walk(start, this.#pieceEnd)
    if (piece !== undefined) {
      this.#pieceEnd = start!.position
      this.#piece = piece
    } else if (n < 0) {
      throw new CorruptLogError('batches do not follow each other', { path: this.#segment!.logPath, position: 0 })
    } else {
      // The index lies, or there is damage: one walk from byte 0 decides.
      this.#nextEntry = -1
    }
    return true
  }

  /** Where a walk may begin: entry `n`, or byte 0; undefined if the entry lies. */
  #anchor(n: number): Anchor | undefined {
    const { logPath, baseOffset } = this.#segment!
    if (n < 0) return { position: 0, expected: baseOffset }
    const { position, offset } = this.#index!.entry(n)
    if (position < 0) return undefined
    const scanner = new BatchScanner(this.#fd, logPath, position, 1 << 16)
    if (scanner.nextInChain(fstatSync(this.#fd).size) !== 'batch') return undefined
    if (!this.#rules.dense) return { position, expected: -1 }
    return scanner.header.lastOffset === offset ? { position, expected: scanner.header.baseOffset } : undefined
  }

  /** The batches in [start, end); undefined if they do not come out there. */
  #walk(start: Anchor, end: number): Piece | undefined {
    const walk = new OrderedWalk(this.#fd, this.#segment!.logPath, start, this.#rules)
    const piece: Piece = { positions: [], faults: new Map(), left: 0 }
    while (walk.nextPosition < end) {
      if (walk.next(end) !== 'batch') return undefined
      if (walk.fault !== undefined) piece.faults.set(piece.left, walk.error())
      piece.positions.push(walk.filePosition)
      piece.left++
    }
    if (walk.nextPosition !== end) return undefined
    piece.positions.push(end)
    return piece
  }

  #nextSegment(): boolean {
    const nextBase = this.#segment?.baseOffset
    this.close()
    const segment = this.#segments.pop()
    if (segment === undefined) return false
    this.#segment = segment
    this.#fd = openSegmentFile(segment.logPath, 'r')
    this.#index = segment.indexPath === undefined ? undefined : OffsetIndex.open(segment.indexPath, segment.baseOffset)
    const first = this.#index?.lookup(this.#before) ?? -1
    this.#pieceEnd = this.#validEnd(first, nextBase)
    this.#nextEntry = first
    return true
  }

  /**
   * Where batches that begin below `before` end, from an index entry on. Only the first one's CRC is checked, to find out an
   * entry that lies: the others are when they are read, so damage that nobody asks for stops nobody.
   */
  #validEnd(n: number, nextBase: number | undefined): number {
    const { logPath } = this.#segment!
    const start = this.#anchor(n)
    if (start === undefined || (n >= 0 && new BatchScanner(this.#fd, logPath, start.position).next() !== 'batch')) {
      return this.#validEnd(-1, nextBase)
    }
    const walk = new OrderedWalk(this.#fd, logPath, start, this.#rules)
    const { size } = fstatSync(this.#fd)
    while (walk.nextOffset < this.#before) {
      const outcome = walk.next(size)
      if (outcome === 'batch') {
        if (walk.header.magic === 2 && walk.baseOffset >= this.#before) return walk.filePosition
      } else if (outcome === 'end' || outcome === 'zeros') {
        const missing = nextBase ?? this.#before
        if (!this.#rules.dense || walk.nextOffset >= missing) return walk.filePosition
        throw new CorruptLogError(endsTooEarly(nextBase), {
          path: logPath,
          position: walk.filePosition,
          firstOffset: walk.nextOffset,
          lastOffset: missing - 1,
        })
      } else {
        const reason = outcome === 'incomplete' ? 'the file ends inside a batch' : walk.header.describeFault(outcome)
        throw new CorruptLogError(reason, { path: logPath, position: walk.filePosition, firstOffset: walk.nextOffset })
      }
    }
    return walk.nextPosition
  }

  close(): void {
    this.#index?.close()
    this.#index = undefined
    if (this.#fd >= 0) closeQuietly(this.#fd)
    this.#fd = -1
    this.#piece = { positions: [], faults: new Map(), left: 0 }
  }
}

interface Anchor {
  position: number
  /** Offset that the batch there must have, -1 if that is not known. */
  expected: number
}

/** A walk over headers that knows which offset each batch must have, whatever its own says: no CRC covers that one. */
class OrderedWalk {
  readonly #fd: number
  readonly #path: string
  readonly #scanner: BatchScanner
  readonly #order: BatchOrder
  #previous = -1
  /** Of the current batch, as they must be. */
  baseOffset: number
  nextOffset: number
  /** What is wrong with the offset or the leader epoch of the current batch. */
  fault: string | undefined

  constructor(fd: number, path: string, start: Anchor, rules: OrderRules) {
    this.#fd = fd
    this.#path = path
    this.#scanner = new BatchScanner(fd, path, start.position, 1 << 16)
    this.#order = new BatchOrder(rules)
    this.#order.expected = start.expected
    this.baseOffset = start.expected
    this.nextOffset = start.expected
  }

  get header(): BatchHeader {
    return this.#scanner.header
  }

  get filePosition(): number {
    return this.#scanner.filePosition
  }

  get nextPosition(): number {
    return this.#scanner.nextPosition
  }

  next(size: number): ScanOutcome {
    const outcome = this.#scanner.nextInChain(size)
    if (outcome !== 'batch') return outcome
    const { header } = this
    const { expected } = this.#order
    this.fault = this.#order.accept(header)
    // It was counted from the batch before, which may be the one that lies.
    if (this.fault !== undefined && this.#isDamaged(this.#previous)) this.fault = undefined
    this.#previous = this.filePosition
    // How many offsets it takes is covered by its CRC, so where the next one begins is known all the same.
    this.baseOffset = this.fault === undefined || expected < 0 ? header.baseOffset : expected
    this.nextOffset = this.baseOffset + header.nextOffset - header.baseOffset
    this.#order.expected = this.nextOffset
    return 'batch'
  }

  #isDamaged(position: number): boolean {
    return position >= 0 && new BatchScanner(this.#fd, this.#path, position).next() !== 'batch'
  }

  error(): CorruptLogError {
    return new CorruptLogError(this.fault!, {
      path: this.#path,
      position: this.filePosition,
      firstOffset: this.baseOffset,
      lastOffset: this.nextOffset - 1,
    })
  }
}

function endsTooEarly(nextBase: number | undefined): string {
  if (nextBase !== undefined) return `the segment ends here, and the next one begins with ${nextBase}`
  return 'the log ends here, but everything below the recovery point was there once'
}
