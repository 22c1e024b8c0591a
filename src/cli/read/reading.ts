import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  BackwardPartitionRecords,
  DamageSkippingReader,
  LastRecordsSearch,
  MergedRecords,
  type MergeOrder,
  PartitionRecords,
  type RecordStream,
  RecordsInTurns,
  type SkippedDamage,
} from '../../log/index.ts'
import { type Printer, RECORDS_BETWEEN_EVENTS, type Records } from './printer.ts'
import type { ReadPartition } from './read-partition.ts'

export interface ReadingOptions {
  order: MergeOrder
  /** Told about each damaged place that is passed over; without it damage ends the reading. */
  onDamage: ((damage: SkippedDamage) => void) | undefined
  /** Retention took records before they were read. */
  onRemoved: (partition: ReadPartition, firstOffset: number, lastOffset: number) => void
}

/** Records of several streams in the order of printing; `streamNumber` says whose the last one was. */
interface Sequence<S> {
  next(): S | undefined
  readonly streamNumber: number
}

/** The part of the log that was there when reading began: forwards, backwards, or its end. */
export class Reading {
  readonly #printer: Printer
  readonly #options: ReadingOptions

  constructor(printer: Printer, options: ReadingOptions) {
    this.#printer = printer
    this.#options = options
  }

  /** Without the first `skip` records of the whole result. */
  async printForward(partitions: readonly ReadPartition[], skip = 0): Promise<void> {
    const printer = this.#printer
    const isOneByOne = partitions.length === 1 || this.#options.order === 'partition'
    const streams = partitions.map(partition => this.#openRecords(partition))
    try {
      if (skip === 0 && isOneByOne && printer.copiesValues) {
        for (const stream of streams) await printer.copyValues(printer.openValues(stream))
      } else {
        await this.#print(new MergedRecords(streams, this.#options.order), partitions, skip)
      }
      if (!printer.isOver) this.#markEnds(partitions, streams)
    } finally {
      for (const stream of streams) stream.close()
    }
  }

  /** The last record first, at most `count`. */
  async printBackward(partitions: readonly ReadPartition[], count = Number.POSITIVE_INFINITY): Promise<void> {
    const streams = partitions.map(partition => this.#openBackward(partition))
    try {
      await this.#print(new MergedRecords(streams, this.#options.order, 'backward'), partitions, 0, count)
    } finally {
      for (const stream of streams) stream.close()
    }
  }

  /** The last `count` records of the whole result, in the order of reading. */
  async printLast(partitions: readonly ReadPartition[], count: number): Promise<void> {
    const search = await this.#searchLast(partitions, count)
    const found = partitions.map((partition, i) => ({ ...partition, from: search.firstOffsets[i] ?? partition.until }))
    if (search.turns === undefined) await this.printForward(found)
    else await this.#printTurns(found, search.turns)
    if (search.damage !== undefined && !this.#printer.isOver) throw search.damage
  }

  async #searchLast(partitions: readonly ReadPartition[], count: number): Promise<LastRecordsSearch> {
    const { filter } = this.#printer
    const streams = partitions.map(partition => this.#openBackward(partition))
    try {
      const accept = filter.isOpen ? undefined : filter.accepts
      const search = new LastRecordsSearch(streams, { count, order: this.#options.order, accept })
      while (!this.#printer.isOver && !search.step(RECORDS_BETWEEN_EVENTS)) await nextTurn()
      return search
    } finally {
      for (const stream of streams) stream.close()
    }
  }

  async #printTurns(partitions: readonly ReadPartition[], turns: Uint16Array): Promise<void> {
    const streams = partitions.map(partition => this.#openRecords(partition))
    try {
      await this.#print(new RecordsInTurns(streams, turns, this.#printer.filter.accepts), partitions)
      if (!this.#printer.isOver)
        this.#markEnds(
          partitions,
          partitions.map(({ until }) => ({ position: until })),
        )
    } finally {
      for (const stream of streams) stream.close()
    }
  }

  /** Behind the last record there may be more that nobody gets: control records, what the filter refuses. */
  #markEnds(partitions: readonly ReadPartition[], ends: readonly { position: number }[]): void {
    const { commits } = this.#printer
    if (commits === undefined) return
    for (const [i, { position }] of ends.entries()) {
      commits.delivered(this.#printer.target(partitions[i]!).index, position)
    }
  }

  async #print<S extends RecordStream & Records>(
    sequence: Sequence<S>,
    partitions: readonly ReadPartition[],
    skip = 0,
    count = Number.POSITIVE_INFINITY,
  ): Promise<void> {
    const printer = this.#printer
    const targets = partitions.map(partition => printer.target(partition))
    const last = printer.printed + count
    let toSkip = skip
    while (!printer.isOver && printer.printed < last) {
      const stream = sequence.next()
      if (stream === undefined) return
      if (toSkip > 0 && printer.filter.accepts(stream.record)) toSkip--
      else printer.printAndMark(stream, targets[sequence.streamNumber]!)
      if (printer.needsBreath()) await printer.breathe()
    }
  }

  #openRecords(partition: ReadPartition): PartitionRecords {
    const { log, from, until, committed } = partition
    const { onDamage, onRemoved } = this.#options
    const reader = log.reader({ from, until, onRemoved: (first, last) => onRemoved(partition, first, last) })
    return new PartitionRecords(reader, { from, until, committed, since: this.#printer.filter.since, onDamage })
  }

  #openBackward({ log, from, until, committed }: ReadPartition): BackwardPartitionRecords {
    const { onDamage } = this.#options
    const range = { from, before: until }
    const batches = onDamage === undefined ? log.backwardReader(range) : new DamageSkippingReader(log, range, onDamage)
    const { since } = this.#printer.filter
    return new BackwardPartitionRecords(batches, { from, until, committed, since, onDamage })
  }
}
