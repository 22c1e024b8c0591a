import { type BatchReader, DataDirectory } from '../../src/log/index.ts'
import type { BatchHeader } from '../../src/log/record/batch-header.ts'
import { RecordCursor } from '../../src/log/record/record-cursor.ts'
import { parseNumberedLine } from './numbered-lines.ts'

/**
 * Follows a partition of numbered lines through the library, and keeps account of who wrote what: lines, changes of writer from
 * one batch to the next, and rolls (the writer of a segment's first batch made the segment). A batch is one writer's, so
 * its first line names the writer of all.
 */
export class LogObserver {
  readonly lines: number[]
  readonly rolls: number[]
  changes = 0
  batches = 0
  /** Bytes of the newest segment, as far as seen. */
  segmentBytes = 0
  readonly #directory: DataDirectory
  readonly #reader: BatchReader
  readonly #cursor = new RecordCursor()
  #path = ''
  #lastWriter = -1

  constructor(path: string, topic: string, writers: number) {
    this.#directory = DataDirectory.open(path)
    this.#reader = this.#directory.partition(topic, 0).reader({ from: 0 })
    this.lines = new Array<number>(writers).fill(0)
    this.rolls = new Array<number>(writers).fill(0)
  }

  /** Reads what is new. */
  look(): void {
    for (let header = this.#reader.next(); header !== undefined; header = this.#reader.next()) this.#count(header)
  }

  #count(header: BatchHeader): void {
    this.#cursor.open(header)
    this.#cursor.next()
    const { writer } = parseNumberedLine(this.#cursor.value())
    this.lines[writer]! += header.recordsCount
    this.batches++
    if (this.#lastWriter >= 0 && writer !== this.#lastWriter) this.changes++
    // The very first segment was made by whoever opened the log first.
    if (this.#path !== '' && this.#reader.path !== this.#path) this.rolls[writer]!++
    this.#lastWriter = writer
    this.#path = this.#reader.path
    this.segmentBytes = this.#reader.filePosition + header.sizeInBytes
  }

  close(): void {
    this.#reader.close()
    this.#directory.close()
  }
}
