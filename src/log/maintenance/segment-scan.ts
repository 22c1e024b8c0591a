import { fstatSync } from 'node:fs'
import { BASE_OFFSET, type BatchHeader, LAST_OFFSET_DELTA, RECORD_BATCH_OVERHEAD } from '../record/batch-header.ts'
import { BatchScanner, type ScanOutcome } from '../segment/batch-scanner.ts'
import { readFully } from '../segment/read-fully.ts'
import { type BatchChain, planResync } from '../segment/resync-plan.ts'

export interface SegmentScanOptions {
  fd: number
  path: string
  /** From the file's name; -1 if the name says nothing. */
  baseOffset: number
  /** Of the segment behind it, where one is known. */
  nextBaseOffset?: number
  /** First byte to look at; if no batch begins there, the scan begins with the first one behind. */
  start?: number
  /** Batches that begin here or behind are left out. */
  end?: number
  /** Compaction may have taken batches out. */
  hasGaps?: boolean
  /** What the segment's offset index names; asked only when there is damage. */
  indexPositions?: Iterable<number>
}

/** Bytes that are no batches of this log. */
export interface BadBytes {
  position: number
  bytes: number
  /** What is wrong with the first of them. */
  message: string
  /** Offsets that are lost with them; `firstOffset` above `lastOffset`: none. `lastOffset` -1: nobody can tell how many. */
  firstOffset: number
  lastOffset: number
}

/** What stands behind the last batch, when it is not the end of the file. */
export interface Tail extends BadBytes {
  /** `incomplete`: the file ends inside a batch; `zeros`: nothing but zero bytes; `junk`: anything else. */
  kind: 'incomplete' | 'zeros' | 'junk'
}

/** `batch`: the header holds it. `damage`: bad bytes with batches behind them. `tail`: bad bytes up to the end, the last step but `end`. */
export type ScanStep = 'batch' | 'damage' | 'tail' | 'end'

/**
 * Goes over one `.log` from end to end whatever is in it: every batch with its CRC, and what lies between them. Reads blocks
 * of 1 MiB and takes no lock; a file that grows meanwhile is read as far as it goes.
 */
export class SegmentScan {
  /** Of the last `damage` and `tail` step. */
  badBytes: BadBytes | undefined
  tail: Tail | undefined
  /** Where the first batch was found, when `start` was no batch's first byte. */
  startedAt: number | undefined
  readonly #options: SegmentScanOptions
  readonly #scanner: BatchScanner
  #lastOffset: number
  #hasLegacy = false
  #chains: BatchChain[] | undefined
  #chainNumber = 0
  #done = false

  constructor(options: SegmentScanOptions) {
    this.#options = options
    this.#lastOffset = options.baseOffset - 1
    this.#scanner = new BatchScanner(options.fd, options.path, options.start ?? 0)
    if ((options.start ?? 0) > 0) this.#begin(options.start!)
  }

  get header(): BatchHeader {
    return this.#scanner.header
  }

  /** First byte of the current batch. */
  get filePosition(): number {
    return this.#scanner.filePosition
  }

  /** The byte behind it. */
  get nextPosition(): number {
    return this.#scanner.nextPosition
  }

  next(): ScanStep {
    if (this.#done || this.#scanner.nextPosition >= (this.#options.end ?? Number.POSITIVE_INFINITY)) return 'end'
    const outcome = this.#scanner.next()
    if (outcome === 'batch') {
      const { header } = this.#scanner
      this.#lastOffset = Math.max(this.#lastOffset, header.lastOffset)
      this.#hasLegacy ||= header.magic < 2
      return 'batch'
    }
    if (outcome === 'end') {
      this.#done = true
      return 'end'
    }
    return this.#stop(outcome)
  }

  #begin(start: number): void {
    if (this.#scanner.next() === 'batch') {
      this.#scanner.again()
      return
    }
    const chain = this.#plan(start - 1, true)[0]
    this.startedAt = chain?.start
    if (chain === undefined) this.#done = true
    else this.#scanner.seek(chain.start)
  }

  #stop(outcome: Exclude<ScanOutcome, 'batch' | 'end'>): ScanStep {
    const position = this.#scanner.filePosition
    const message = this.#describe(outcome, position)
    if (outcome !== 'zeros') this.#chains ??= this.#plan(position, this.#hasLegacy)
    const chain = outcome === 'zeros' ? undefined : this.#nextChain(position)
    if (chain !== undefined) {
      const lost = this.#lostOffsets(position, chain.firstOffset)
      this.badBytes = { position, bytes: chain.start - position, message, ...lost }
      this.#scanner.seek(chain.start)
      return 'damage'
    }
    const size = fstatSync(this.#options.fd).size
    this.tail = {
      kind: outcome === 'zeros' || outcome === 'incomplete' ? outcome : 'junk',
      position,
      bytes: size - position,
      message,
      ...this.#lostOffsets(position, this.#options.nextBaseOffset ?? -1),
    }
    this.badBytes = this.tail
    this.#done = true
    return 'tail'
  }

  #nextChain(position: number): BatchChain | undefined {
    const chains = this.#chains ?? []
    while (this.#chainNumber < chains.length && chains[this.#chainNumber]!.start <= position) this.#chainNumber++
    return chains[this.#chainNumber]
  }

  #plan(position: number, legacy: boolean): BatchChain[] {
    const { fd, path, nextBaseOffset, indexPositions, hasGaps = false } = this.#options
    return planResync({
      fd,
      path,
      size: fstatSync(fd).size,
      position,
      above: this.#lastOffset,
      legacy,
      hasGaps,
      ...(nextBaseOffset !== undefined && { below: nextBaseOffset }),
      ...(indexPositions !== undefined && { indexPositions }),
    })
  }

  /**
   * All that lies between the batches before and behind. What the bad batch's header says of its last offset is as bad as the
   * rest of it, so it counts only where nothing is behind.
   */
  #lostOffsets(position: number, nextOffset: number): { firstOffset: number; lastOffset: number } {
    const firstOffset = this.#lastOffset + 1
    if (nextOffset >= 0) return { firstOffset, lastOffset: nextOffset - 1 }
    const bytes = this.#headerBytes(position)
    const isNext = bytes.readBigInt64BE(BASE_OFFSET) === BigInt(firstOffset)
    const delta = bytes.readInt32BE(LAST_OFFSET_DELTA)
    return { firstOffset, lastOffset: isNext && delta >= 0 ? firstOffset + delta : -1 }
  }

  #describe(outcome: Exclude<ScanOutcome, 'batch' | 'end'>, position: number): string {
    const { header } = this.#scanner
    const left = fstatSync(this.#options.fd).size - position
    if (outcome === 'zeros') return `${left} zero bytes`
    if (outcome !== 'incomplete') return header.describeFault(outcome)
    if (header.sizeInBytes === 0 || left < RECORD_BATCH_OVERHEAD)
      return `the file ends inside a batch header, after ${left} bytes`
    return `the file ends inside a batch, expected ${header.sizeInBytes} bytes, found ${left}`
  }

  /** The bytes where a header should be; zeros behind the end of the file. */
  #headerBytes(position: number): Buffer {
    const bytes = Buffer.alloc(RECORD_BATCH_OVERHEAD)
    readFully(this.#options.fd, this.#options.path, bytes, 0, position, bytes.length)
    return bytes
  }
}
