import { setImmediate as nextTurn } from 'node:timers/promises'
import { type PartitionRecords, PartitionValues, type RecordView } from '../../log/index.ts'
import type { RecordOrigin, RecordWriter } from '../output/record-writer.ts'
import { BlockSink } from '../output/stdout.ts'
import type { Commits } from './commits.ts'
import { createWriter, type OutputStyle } from './output-style.ts'
import type { RecordFilter } from './record-filter.ts'

/** So many records are looked at before signals and timers get a chance: some milliseconds. */
export const RECORDS_BETWEEN_EVENTS = 10_000

export interface PrinterOptions {
  style: OutputStyle
  filter: RecordFilter
  /** `-c` */
  limit?: number | undefined
  /** What may steer a terminal goes to it all the same. */
  raw?: boolean
  /** A line `==> topic/partition <==` wherever the source changes. */
  withHeaders?: boolean
  /** What the reader has taken will be committed. */
  isCounted?: boolean
  /** Stops printing. */
  signal: AbortSignal
}

/** What moves over the records of a partition, in either direction. */
export interface Records {
  readonly record: RecordView
  leaveDamagedBatch(error: unknown, firstOffset?: number): void
}

/** Where the records of one partition are printed. */
export interface Target {
  readonly writer: RecordWriter
  readonly name: string
  /** For commits. */
  readonly index: number
}

/** Puts records into stdout's blocks: one by one through a writer, or, where only values are asked for, many at once. */
export class Printer {
  readonly sink: BlockSink
  printed = 0
  commits: Commits | undefined
  readonly #options: PrinterOptions
  readonly #targets = new Map<string, Target>()
  readonly #limit: number
  #lastSource = ''
  #sinceEvents = 0

  constructor(options: PrinterOptions) {
    this.#options = options
    this.#limit = options.limit ?? Number.POSITIVE_INFINITY
    this.sink = new BlockSink({ isCounted: options.isCounted ?? false })
    options.signal.addEventListener('abort', () => this.sink.abandon())
  }

  get filter(): RecordFilter {
    return this.#options.filter
  }

  /** Nothing more shall be printed. */
  get isOver(): boolean {
    const { isClosed, isReaderGone } = this.sink
    return this.printed >= this.#limit || isClosed || isReaderGone || this.#options.signal.aborted
  }

  /** Values can be copied without a look at each record. */
  get copiesValues(): boolean {
    const { style, limit, withHeaders, isCounted } = this.#options
    const isPlain = style.kind === 'delimited' && style.keyDelimiter === undefined
    return isPlain && this.filter.isOpen && limit === undefined && !this.#escapes && !withHeaders && !isCounted
  }

  get #escapes(): boolean {
    return this.sink.isTerminal && !this.#options.raw
  }

  /** Always the same one for a partition; their indexes count up in the order in which they were asked for. */
  target(origin: RecordOrigin): Target {
    const name = `${origin.topic}/${origin.partition}`
    let target = this.#targets.get(name)
    if (target === undefined) {
      const writer = createWriter(this.#options.style, this.sink, origin, this.#escapes)
      target = { writer, name, index: this.#targets.size }
      this.#targets.set(name, target)
    }
    return target
  }

  /** Prints the current record, unless the filter refuses it. */
  print(records: Records, target: Target): void {
    const { record } = records
    if (this.filter.isOpen || this.filter.accepts(record)) {
      const before = this.sink.position
      try {
        if (this.#options.withHeaders) this.#printHeader(target.name)
        target.writer.write(record)
        this.printed++
      } catch (error) {
        // Headers are decoded only when they are printed, and may turn out to be none.
        this.sink.position = before
        records.leaveDamagedBatch(error, record.offset)
      }
    }
  }

  /** The same with a note for the commits. */
  printAndMark(records: Records, target: Target): void {
    const next = records.record.offset + 1
    this.print(records, target)
    this.commits?.delivered(target.index, next)
  }

  /** Counts a record that was looked at. Whether `breathe` has something to do. */
  needsBreath(): boolean {
    return ++this.#sinceEvents >= RECORDS_BETWEEN_EVENTS || this.sink.isFull
  }

  async breathe(): Promise<void> {
    if (this.sink.isFull) await this.sink.rotate()
    if (this.#sinceEvents < RECORDS_BETWEEN_EVENTS) return
    this.#sinceEvents = 0
    await nextTurn()
  }

  /** A copier for `copyValues`. */
  openValues(records: PartitionRecords): PartitionValues {
    const { style } = this.#options
    if (style.kind !== 'delimited') throw new TypeError('only values are copied')
    return new PartitionValues(records, style.delimiter)
  }

  /** All values that there are at the moment. */
  async copyValues(values: PartitionValues): Promise<void> {
    const { sink } = this
    const countBefore = this.printed - values.count
    while (!this.isOver) {
      try {
        if (values.copy(sink.block, sink.position) === 'end') return
      } finally {
        sink.position = values.outputEnd
        this.printed = countBefore + values.count
      }
      if (sink.position === 0) sink.ensure(values.requiredSize)
      else await sink.rotate()
    }
  }

  #printHeader(source: string): void {
    if (source === this.#lastSource) return
    const text = `${this.#lastSource === '' ? '' : '\n'}==> ${source} <==\n`
    this.#lastSource = source
    this.sink.ensure(text.length)
    this.sink.position += this.sink.block.write(text, this.sink.position, 'latin1')
  }
}
