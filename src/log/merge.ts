import { CorruptLogError } from './errors.ts'
import type { RecordView } from './record-stream.ts'

/**
 * How the records of several partitions become one sequence. `timestamp`: the smallest next timestamp first, ties from the
 * lower partition; a partition's own records never change places, whatever their timestamps. `partition`: one partition
 * after the other.
 */
export type MergeOrder = 'timestamp' | 'partition'
export type MergeDirection = 'forward' | 'backward'

/** The records of one partition, in offset order or against it: `next` moves on, `record` is the one it moved to. */
export interface RecordStream {
  readonly record: RecordView
  next(): boolean
}

/**
 * The records of several streams, which are given in the order of their partitions, as one sequence. Backward is the
 * mirror image, for streams that run from the end: the largest next timestamp first, ties from the higher partition.
 *
 * `next` returns the stream whose `record` is the next one; it stays valid until the following call. Each stream holds
 * one record ready (its head), and a binary heap of stream numbers says whose is next: no object is made for a record.
 */
export class MergedRecords<S extends RecordStream> {
  readonly #streams: readonly S[]
  readonly #order: MergeOrder
  readonly #sign: number
  /** Stream numbers, a heap by timestamp in the first `#size` places; without it, the one stream that is read now. */
  readonly #heap: Int32Array
  #size = 0
  #current: number
  #isPrimed = false

  constructor(streams: readonly S[], order: MergeOrder, direction: MergeDirection = 'forward') {
    this.#streams = streams
    // One stream has one order, and the simple loop is the faster one.
    this.#order = streams.length < 2 ? 'partition' : order
    this.#sign = direction === 'forward' ? 1 : -1
    this.#heap = new Int32Array(streams.length)
    this.#current = direction === 'forward' ? 0 : streams.length - 1
  }

  /** The number of the stream that `next` returned last. */
  get streamNumber(): number {
    return this.#current
  }

  next(): S | undefined {
    return this.#order === 'partition' ? this.#nextInOrder() : this.#nextByTimestamp()
  }

  #nextInOrder(): S | undefined {
    for (let stream = this.#streams[this.#current]; stream !== undefined; stream = this.#streams[this.#current]) {
      if (stream.next()) return stream
      this.#current += this.#sign
    }
    return undefined
  }

  #nextByTimestamp(): S | undefined {
    if (!this.#isPrimed) this.#prime()
    else if (this.#size > 0) {
      // Only now is the record that was returned last no longer needed.
      if (!this.#streams[this.#heap[0]!]!.next()) this.#heap[0] = this.#heap[--this.#size]!
      this.#siftDown(0)
    }
    if (this.#size === 0) return undefined
    this.#current = this.#heap[0]!
    return this.#streams[this.#current]
  }

  #prime(): void {
    this.#isPrimed = true
    for (let i = 0; i < this.#streams.length; i++) if (this.#streams[i]!.next()) this.#heap[this.#size++] = i
    for (let i = (this.#size >> 1) - 1; i >= 0; i--) this.#siftDown(i)
  }

  #siftDown(place: number): void {
    const heap = this.#heap
    const moved = heap[place]!
    for (let child = 2 * place + 1; child < this.#size; child = 2 * place + 1) {
      if (child + 1 < this.#size && this.#isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!this.#isBefore(heap[child]!, moved)) break
      heap[place] = heap[child]!
      place = child
    }
    heap[place] = moved
  }

  #isBefore(a: number, b: number): boolean {
    const difference = this.#streams[a]!.record.timestamp - this.#streams[b]!.record.timestamp
    return this.#sign * (difference === 0 ? a - b : difference) < 0
  }
}

const FIRST_TURNS = 1024

export interface LastRecordsOptions {
  count: number
  order: MergeOrder
  /** Records that it refuses do not count. */
  accept?: ((record: RecordView) => boolean) | undefined
}

/**
 * Finds the last `count` records of a merged sequence: the merge run backwards from the ends, so it reads O(count) however
 * long the logs are. What it finds is printed forwards by reading from `firstOffsets` on and following `turns`: where
 * timestamps are out of order, the merge forwards would give the same records in another sequence, and this way none of the
 * records has to be kept.
 */
export class LastRecordsSearch {
  /** By stream: the offset of its first record that belongs to the result; undefined if it has none. */
  readonly firstOffsets: (number | undefined)[]
  found = 0
  /** What ended the search early: the records behind it were found all the same. */
  damage: CorruptLogError | undefined
  readonly #count: number
  readonly #merged: MergedRecords<RecordStream>
  readonly #accept: ((record: RecordView) => boolean) | undefined
  /** Stream numbers, the last record's first. */
  #turns: Uint16Array
  readonly #needsTurns: boolean

  /** The streams run backwards. */
  constructor(streams: readonly RecordStream[], { count, order, accept }: LastRecordsOptions) {
    this.firstOffsets = streams.map(() => undefined)
    this.#count = count
    this.#accept = accept
    this.#merged = new MergedRecords(streams, order, 'backward')
    this.#needsTurns = streams.length > 1 && order === 'timestamp'
    this.#turns = new Uint16Array(this.#needsTurns ? Math.min(count, FIRST_TURNS) : 0)
  }

  /** Looks at so many records more, so that the caller can hear a signal in between; true when the search is over. */
  step(records: number): boolean {
    for (let looked = 0; looked < records; looked++) {
      if (this.found === this.#count) return true
      const stream = this.#next()
      if (stream === undefined) return true
      if (this.#accept === undefined || this.#accept(stream.record)) this.#take(stream)
    }
    return false
  }

  /** Stream numbers in the order of printing; undefined where plain merging gives the same. */
  get turns(): Uint16Array | undefined {
    return this.#needsTurns ? this.#turns.slice(0, this.found).reverse() : undefined
  }

  #next(): RecordStream | undefined {
    try {
      return this.#merged.next()
    } catch (error) {
      if (!(error instanceof CorruptLogError)) throw error
      this.damage = error
      return undefined
    }
  }

  #take(stream: RecordStream): void {
    const { streamNumber } = this.#merged
    this.firstOffsets[streamNumber] = stream.record.offset
    if (this.#needsTurns) {
      if (this.found === this.#turns.length) {
        const larger = new Uint16Array(this.#turns.length * 2)
        larger.set(this.#turns)
        this.#turns = larger
      }
      this.#turns[this.found] = streamNumber
    }
    this.found++
  }
}

/** Takes a record of the stream whose turn it is, until the turns are over. */
export class RecordsInTurns<S extends RecordStream> {
  readonly #streams: readonly S[]
  readonly #turns: Uint16Array
  readonly #accept: ((record: RecordView) => boolean) | undefined
  #turn = -1

  /** `accept` as in the search that found the turns. */
  constructor(streams: readonly S[], turns: Uint16Array, accept?: (record: RecordView) => boolean) {
    this.#streams = streams
    this.#turns = turns
    this.#accept = accept
  }

  get streamNumber(): number {
    return this.#turns[this.#turn]!
  }

  next(): S | undefined {
    while (++this.#turn < this.#turns.length) {
      const stream = this.#streams[this.streamNumber]!
      while (stream.next()) if (this.#accept === undefined || this.#accept(stream.record)) return stream
      // Retention has taken a record since it was counted.
    }
    return undefined
  }
}
