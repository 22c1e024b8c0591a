import { setImmediate as nextTurn } from 'node:timers/promises'
import { InvalidArgumentError, RecordsRemovedError } from './errors.ts'
import { CommittedView, type Isolation } from './isolation.ts'
import { MergedRecords, type MergeOrder, type RecordStream } from './merge.ts'
import type { BatchReader } from './partition-log/batch-reader.ts'
import type { PartitionLog } from './partition-log/partition-log.ts'
import { type KafkaRecord, toRecord } from './record/record.ts'
import type { RecordCursor } from './record/record-cursor.ts'
import { PartitionRecords, type SkippedDamage } from './record-stream.ts'

/** A record that was read. Its bytes are its own: it can be kept, and appended to another topic. */
export interface TopicRecord extends KafkaRecord {
  topic: string
  partition: number
}

/** An offset, or the first record with that time or a later one; the log end where there is none. */
export type Place = number | Date | 'beginning' | 'end'

/** The same for all partitions, or by the partition's number. */
export type Places = Place | ReadonlyMap<number, Place>

/** Offsets that retention took before they were read. */
export interface RemovedRecords {
  topic: string
  partition: number
  firstOffset: number
  lastOffset: number
}

export interface ReadOptions {
  /** Default: all that there are. */
  partitions?: readonly number[]
  /** Default, also for partitions that a map leaves out: `beginning`. */
  from?: Places
  /** Exclusive. Default: where the log ended at the call; when following: no end. */
  until?: Places
  /** Default `timestamp`. */
  order?: MergeOrder
  /** Default `read_uncommitted`, as Kafka's. */
  isolation?: Isolation
  /** Told about each damaged place, behind which reading goes on. Without it a CorruptLogError ends the reading. */
  onDamage?: (damage: SkippedDamage) => void
  /** Told about records that went before they were read; reading goes on. Without it a RecordsRemovedError ends it. */
  onRemoved?: (removed: RemovedRecords) => void
}

/** Which part of one partition is read. */
export interface PartitionRange {
  from: number
  /** Retention may take the first records before they are read: nobody asked for them by number. */
  isFromBeginning: boolean
  /** Exclusive; Infinity: whatever comes. */
  until: number
  /** Exclusive, in ms: the first record with this timestamp or a later one is the end. */
  untilTimestamp: number
}

/** A program that reads a long log still hears timers and signals so often. */
const TURN_MS = 10
const RECORDS_BETWEEN_LOOKS = 128

/**
 * Resolves what the options say about one partition, now. Throws OffsetOutOfRangeError for a `from` that is not there, and
 * InvalidArgumentError.
 */
export function resolveRange(log: PartitionLog, options: ReadOptions, isFollowing: boolean): PartitionRange {
  const from = placeFor(log, options.from) ?? 'beginning'
  const until = placeFor(log, options.until) ?? (isFollowing ? Number.POSITIVE_INFINITY : 'end')
  const logEnd = log.logEndOffset()
  const range: PartitionRange = {
    from: offsetOf(log, from, logEnd) ?? logEnd,
    isFromBeginning: from === 'beginning',
    until: offsetOf(log, until, logEnd) ?? (isFollowing ? Number.POSITIVE_INFINITY : logEnd),
    untilTimestamp: until instanceof Date ? until.getTime() : Number.POSITIVE_INFINITY,
  }
  if (typeof from === 'number') log.checkOffset(from)
  if (!isFollowing) range.until = Math.min(range.until, logEnd)
  return range
}

function placeFor(log: PartitionLog, places: Places | undefined): Place | undefined {
  return places instanceof Map ? places.get(log.partition) : (places as Place | undefined)
}

function offsetOf(log: PartitionLog, place: Place, logEnd: number): number | undefined {
  if (place === 'beginning') return log.logStartOffset()
  if (place === 'end') return logEnd
  if (place instanceof Date && !Number.isNaN(place.getTime())) return log.offsetForTimestamp(place.getTime())?.offset
  if (place === Number.POSITIVE_INFINITY || (Number.isSafeInteger(place) && (place as number) >= 0)) {
    return place as number
  }
  throw new InvalidArgumentError(`${String(place)} is no place in a log: give an offset, a Date, beginning or end`)
}

/** The records of one partition as objects, in offset order; merged with others by `MergedRecords`. */
export class TopicRecordStream implements RecordStream {
  readonly log: PartitionLog
  /** The record that `next` moved to. */
  current!: TopicRecord
  readonly #range: PartitionRange
  readonly #records: PartitionRecords
  readonly #readers: BatchReader[] = []
  #isOver = false

  constructor(log: PartitionLog, range: PartitionRange, options: ReadOptions) {
    this.log = log
    this.#range = range
    const { from, until } = range
    const { isolation = 'read_uncommitted', onDamage } = options
    const reader = log.reader({
      from,
      until,
      onRemoved: (first, last) => this.#removed(first, last, options.onRemoved),
    })
    this.#readers.push(reader)
    let committed: CommittedView | undefined
    if (isolation === 'read_committed') {
      const fromStart = log.reader({ from: log.logStartOffset() })
      this.#readers.push(fromStart)
      committed = new CommittedView(fromStart, { skipDamage: onDamage !== undefined })
    }
    this.#records = new PartitionRecords(reader, {
      from,
      until,
      ...(committed && { committed }),
      ...(onDamage && { onDamage }),
    })
  }

  get record(): RecordCursor {
    return this.#records.record
  }

  /** The next offset that could be delivered. */
  get position(): number {
    return this.#records.position
  }

  /** Nothing will come, however much the log grows. */
  get isOver(): boolean {
    return this.#isOver || this.#records.isAtEnd
  }

  /** False at the end, or at the end for now. */
  next(): boolean {
    const { topic, partition } = this.log
    while (!this.#isOver && this.#records.next()) {
      if (this.record.timestamp >= this.#range.untilTimestamp) {
        this.#isOver = true
        return false
      }
      try {
        this.current = toRecord(this.record, topic, partition) as TopicRecord
        return true
      } catch (error) {
        // The headers are looked at only now.
        this.#records.leaveDamagedBatch(error, this.record.offset)
      }
    }
    return false
  }

  #removed(firstOffset: number, lastOffset: number, tell: ReadOptions['onRemoved']): void {
    if (this.#range.isFromBeginning && firstOffset === this.#range.from) return
    const { topic, partition, folder } = this.log
    if (tell === undefined) {
      throw new RecordsRemovedError(
        `offsets ${firstOffset}..${lastOffset} of ${topic}/${partition} were removed before they were read`,
        { path: folder, firstOffset, lastOffset },
      )
    }
    tell({ topic, partition, firstOffset, lastOffset })
  }

  close(): void {
    for (const reader of this.#readers) reader.close()
  }
}

/** Merges what the streams have now, and lets go of the event loop from time to time. */
export async function* mergedRecords(
  streams: readonly TopicRecordStream[],
  order: MergeOrder = 'timestamp',
): AsyncGenerator<TopicRecord, void, undefined> {
  const merged = new MergedRecords(streams, order)
  let turnEnds = performance.now() + TURN_MS
  let count = 0
  for (let stream = merged.next(); stream !== undefined; stream = merged.next()) {
    yield stream.current
    if (++count % RECORDS_BETWEEN_LOOKS !== 0 || performance.now() < turnEnds) continue
    await nextTurn()
    turnEnds = performance.now() + TURN_MS
  }
}

/** `DataDirectory.read`: resolves the range at once, and opens files with the first record that is asked for. */
export function readTopic(
  logs: readonly PartitionLog[],
  options: ReadOptions,
): AsyncGenerator<TopicRecord, void, undefined> {
  const ranges = logs.map(log => resolveRange(log, options, false))
  return deliver(logs, ranges, options)
}

async function* deliver(
  logs: readonly PartitionLog[],
  ranges: readonly PartitionRange[],
  options: ReadOptions,
): AsyncGenerator<TopicRecord, void, undefined> {
  const streams: TopicRecordStream[] = []
  try {
    for (const [i, log] of logs.entries()) streams.push(new TopicRecordStream(log, ranges[i]!, options))
    yield* mergedRecords(streams, options.order)
  } finally {
    for (const stream of streams) stream.close()
  }
}
