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
    const streams = partitions.map(partition => openRecords(partition, this.#printer, this.#options))
    try {
      if (skip === 0 && isOneByOne && printer.copiesValues) {
        for (const stream of streams) await printer.copyValues(printer.openValues(stream))
      } else {
        await this.#print(new MergedRecords(streams, this.#options.order), partitions, skip)
      }
      if (printer.isOver) return
      // Behind the last record there may be more that nobody gets: control records, what the filter refuses.
      for (const [i, stream] of streams.entries()) {
        printer.commits?.delivered(printer.target(partitions[i]!).index, stream.position)
      }
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
    const streams = partitions.map(partition => openRecords(partition, this.#printer, this.#options))
    try {
      await this.#print(new RecordsInTurns(streams, turns, this.#printer.filter.accepts), partitions)
    } finally {
      for (const stream of streams) stream.close()
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

  #openBackward({ log, from, until, committed }: ReadPartition): BackwardPartitionRecords {
    const { onDamage } = this.#options
    const range = { from, before: until }
    const batches = onDamage === undefined ? log.backwardReader(range) : new DamageSkippingReader(log, range, onDamage)
    const { since } = this.#printer.filter
    return new BackwardPartitionRecords(batches, { from, until, committed, since, onDamage })
  }
}

/** The records of a partition up to where it ended when reading began. */
export function openRecords(
  { log, from, until, committed }: ReadPartition,
  printer: Printer,
  { onDamage }: Pick<ReadingOptions, 'onDamage'>,
): PartitionRecords {
  return new PartitionRecords(log.reader({ from, until }), {
    from,
    until,
    committed,
    since: printer.filter.since,
    onDamage,
  })
}
