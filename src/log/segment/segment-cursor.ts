import type { BatchHeader } from '../record/batch-header.ts'
import { BatchOrder, type OrderRules } from './batch-order.ts'
import { BatchScanner } from './batch-scanner.ts'
import { closeQuietly, openSegmentFile, type SegmentFiles } from './segment-files.ts'
import { seekToOffset } from './segment-lookup.ts'

/** Three ends of a file have three names: clean (`end`, `zeros`), torn (`incomplete`), and `damaged`. */
export type CursorOutcome = 'batch' | 'end' | 'zeros' | 'incomplete' | 'damaged'

/**
 * Reads one segment forward without a lock: blocks of the file, each batch checked by its CRC and held against its
 * neighbours. What stopped it is for the caller to judge, who knows the recovery point and the next segment.
 */
export class SegmentCursor {
  readonly segment: SegmentFiles
  readonly fd: number
  readonly #scanner: BatchScanner
  readonly #order: BatchOrder
  readonly #rules: OrderRules
  /** What is wrong at `filePosition`, after 'damaged' and 'incomplete'. */
  fault = ''

  constructor(segment: SegmentFiles, rules: OrderRules) {
    this.segment = segment
    this.#rules = rules
    this.#order = new BatchOrder(rules)
    this.fd = openSegmentFile(segment.logPath, 'r')
    this.#scanner = new BatchScanner(this.fd, segment.logPath, 0)
    this.seekToStart()
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

  /** Offset that has to come next, at least; -1 right behind a jump, until a batch was read. */
  get expected(): number {
    return this.#order.expected
  }

  seekToStart(): void {
    this.#scanner.seek(0)
    this.#order.expected = this.segment.baseOffset
  }

  /** To a batch from which the first one that ends at `offset` or above is met, by the index where it helps. */
  seekToOffset(offset: number): void {
    const position = seekToOffset(this.#scanner, this.segment, offset, this.#rules.dense)
    this.#order.expected = position === 0 ? this.segment.baseOffset : -1
  }

  /** To a place where a batch is known to start, with the least offset that it may have, -1 if nothing is known. */
  seek(position: number, expected: number): void {
    this.#scanner.seek(position)
    this.#order.expected = expected
  }

  next(): CursorOutcome {
    const outcome = this.#scanner.next()
    if (outcome === 'end' || outcome === 'zeros') return outcome
    if (outcome === 'incomplete') {
      this.fault = 'the file ends inside a batch'
      return outcome
    }
    if (outcome === 'batch') {
      const fault = this.#order.accept(this.header)
      if (fault === undefined) return 'batch'
      this.fault = fault
    } else {
      this.fault = this.header.describeFault(outcome)
    }
    // Whatever it was, the next look is at the file, not at memory.
    this.#scanner.seek(this.filePosition)
    return 'damaged'
  }

  close(): void {
    closeQuietly(this.fd)
  }
}
