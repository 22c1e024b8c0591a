import type { AppendDestination, AppendFields, AppendOptions, AppendSummary, SyncPolicy } from './append-options.ts'
import { InvalidArgumentError, InvalidRecordError } from './errors.ts'
import type { TopicConfig } from './file/topic-config.ts'
import { type EncodedRecord, encodeRecord, type NewRecord } from './new-record.ts'
import { type AppendedToPartition, PartitionAppender } from './partition-appender.ts'
import { Partitioner } from './partitioner.ts'
import { BatchBuilder, encodeHeaders } from './record/batch-builder.ts'
import type { Codec } from './record/compression/index.ts'

export type { AppendDestination, AppendFields, AppendOptions, AppendSummary, SyncPolicy } from './append-options.ts'

const DEFAULT_LINGER_MS = 5
const SYNC_INTERVAL_MS = 1000
/**
 * A write costs about 0.1 ms however small it is. Four times that for each batch of the last linger bounds what small batches
 * can cost to a fifth of the time; it is longer than 5 ms only from a dozen partitions on that are written to at once.
 */
const LINGER_MS_PER_BATCH = 0.4
/** 256 KiB a batch is where one write costs little beside the bytes, and a reader's block still holds several. */
const TARGET_BATCH_BYTES = 256 * 1024
const SMALLEST_TARGET_BATCH_BYTES = 16 * 1024
/** What the builders of all partitions together aim to stay below: producers call it buffer.memory. */
const BUFFER_MEMORY_BYTES = 16 * 1024 * 1024

/**
 * One run of appends to a topic: a batch builder for each partition that gets records, the partitioner, linger, the sync
 * policy and the acks.
 *
 *     for (const line of lines) await appender.send({ value: line })
 *     await appender.close()
 *
 * `append` and `appendDelimited` make no object for a record. They are synchronous and only fill builders. When they take
 * nothing (false, or a position before the end) the caller awaits `flushFull()` and tries again: a builder is full, or being
 * written in this moment. The loop's bytes can be reused at once, the builders hold copies.
 *
 *     while (!appender.append(key, 0, key.length, value, 0, value.length)) await appender.flushFull()
 *     await appender.close()
 *
 * After a failed write or sync nothing is written any more: every call throws that failure, `close()` included.
 */
export class TopicAppender {
  readonly topic: string
  readonly partitionCount: number
  readonly maxMessageBytes: number
  /** Records taken so far, written or not. */
  records = 0
  readonly #destination: AppendDestination
  readonly #options: AppendOptions
  readonly #sync: SyncPolicy
  readonly #lingerMs: number
  readonly #partitioner: Partitioner
  readonly #isLogAppendTime: boolean
  readonly #encodedHeaders: Buffer | undefined
  readonly #appenders: (PartitionAppender | undefined)[] = []
  #flushing: Promise<void> | undefined
  /** The end of the last `send` that waits for room. */
  #sending: Promise<void> | undefined
  #lingerTimer: NodeJS.Timeout | undefined
  /** Batches that the last linger cut short. */
  #lingeredBatches = 0
  #syncTimer: NodeJS.Timeout | undefined
  #failure: { error: unknown } | undefined
  #isClosed = false

  private constructor(destination: AppendDestination, options: AppendOptions) {
    this.topic = destination.topic
    this.partitionCount = destination.partitions.length
    // A batch that fits into no segment could not be written.
    this.maxMessageBytes = Math.min(destination.config.maxMessageBytes, destination.config.segmentBytes)
    this.#destination = destination
    this.#options = options
    this.#isLogAppendTime = destination.config.messageTimestampType === 'LogAppendTime'
    this.#sync = options.sync ?? 'end'
    this.#lingerMs = options.lingerMs ?? DEFAULT_LINGER_MS
    this.#partitioner = new Partitioner(options.partitioner ?? 'murmur2', this.partitionCount, options.partition)
    if (options.headers !== undefined && options.headers.length > 0)
      this.#encodedHeaders = encodeHeaders(options.headers)
    if (options.partition !== undefined) this.#checkPartition(options.partition)
  }

  /** With only one partition to write to, its writer is opened here, so that a damaged or locked one fails before input is read. */
  static async open(destination: AppendDestination, options: AppendOptions = {}): Promise<TopicAppender> {
    const appender = new TopicAppender(destination, options)
    const only = options.partition ?? (destination.partitions.length === 1 ? destination.partitions[0] : undefined)
    if (only !== undefined) await appender.#partitionAppender(only).open()
    return appender
  }

  /**
   * Takes one record, as soon as there is room for it. It is written with others (`lingerMs`) and synced by the policy:
   * `sync()` and `close()` wait for that, and `onAck` tells the offsets. Records keep the order of the calls, but who does not
   * await them has no limit on what is waiting in memory. Throws what is wrong with the record, after which the appender can
   * go on (InvalidRecordError, RecordTooLargeError, InvalidArgumentError), or what made the run fail.
   */
  async send(record: NewRecord): Promise<void> {
    const encoded = encodeRecord(record)
    if (this.#sending === undefined && this.#take(encoded)) return
    // In a line: two that wait for room would each find the other's flush under way, for ever.
    const turn = (this.#sending ?? Promise.resolve()).then(async () => {
      while (!this.#take(encoded)) await this.flushFull()
    })
    const end = turn.catch(() => {})
    this.#sending = end
    try {
      await turn
    } finally {
      if (this.#sending === end) this.#sending = undefined
    }
  }

  #take({ key, value, fields }: EncodedRecord): boolean {
    return this.append(key, 0, key?.length ?? 0, value, 0, value?.length ?? 0, fields)
  }

  /**
   * Takes the pieces of input[start, end) that end with the delimiter, as values without a key; empty ones not if
   * `skipEmpty`, and as null if `emptyAsNull`. The position behind the last piece taken; before the last delimiter means:
   * await `flushFull()`.
   */
  appendDelimited(
    input: Buffer,
    start: number,
    end: number,
    delimiterByte: number,
    skipEmpty = false,
    emptyAsNull = false,
  ): number {
    if (!this.#takesRecords()) return start
    if (!this.#partitioner.staysForNullKeys || this.#destination.config.cleanupPolicyCompact) {
      return this.#appendPieces(input, start, end, delimiterByte, skipEmpty, emptyAsNull)
    }
    const { builder } = this.#partitionAppender(this.#partitioner.choose(null, 0, 0))
    const before = builder.count
    try {
      return builder.appendDelimited(input, start, end, delimiterByte, this.#timestamp(), skipEmpty, emptyAsNull)
    } finally {
      // Also when a record was refused: those before it are in the builder.
      this.records += builder.count - before
      if (builder.count > before) this.#startLinger()
    }
  }

  /** Takes one record; false: await `flushFull()` and try again. A start of -1 stands for null, as a null Buffer does. */
  append(
    key: Buffer | null,
    keyStart: number,
    keyEnd: number,
    value: Buffer | null,
    valueStart: number,
    valueEnd: number,
    fields?: AppendFields,
  ): boolean {
    if (!this.#takesRecords()) return false
    if (key === null && this.#destination.config.cleanupPolicyCompact) {
      throw new InvalidRecordError('a record without a key is refused: the topic is compacted (cleanup.policy=compact)')
    }
    const own = fields?.partition
    if (own !== undefined) this.#checkPartition(own)
    const appender = this.#partitionAppender(own ?? this.#partitioner.choose(key, keyStart, keyEnd))
    const timestamp = this.#timestamp(fields?.timestamp)
    const headers = fields?.headers
    const fits =
      headers === undefined
        ? appender.builder.append(timestamp, key, keyStart, keyEnd, value, valueStart, valueEnd)
        : appender.builder.append(
            timestamp,
            key,
            keyStart,
            keyEnd,
            value,
            valueStart,
            valueEnd,
            headers,
            0,
            headers.length,
          )
    if (!fits) return false
    if (own === undefined) this.#partitioner.taken()
    this.records++
    this.#startLinger()
    return true
  }

  /** Makes room where a builder is full: its batch begins to be written, after the one before it has been. */
  flushFull(): Promise<void> {
    return this.#flush(appender => appender.builder.isFull, this.#sync === 'batch')
  }

  /** Writes whatever the builders hold, and waits for it. */
  flush(): Promise<void> {
    return this.#flush(appender => !appender.builder.isEmpty, true)
  }

  /** Writes and syncs everything taken so far, whatever the policy. */
  async sync(): Promise<void> {
    await this.#sending
    await this.flush()
    await this.#syncWritten()
  }

  /** Writes what is left, syncs by policy, lets go of the partitions. Throws what made the run fail, if anything did. */
  async close(): Promise<AppendSummary> {
    await this.#sending
    if (!this.#isClosed) {
      this.#isClosed = true
      try {
        if (this.#failure === undefined) await this.flush()
        this.#stopTimers()
        if (this.#failure === undefined && this.#sync !== 'never') await this.#syncWritten()
      } catch (error) {
        this.#fail(error)
      }
      this.#stopTimers()
      await this.#closeWriters()
    }
    if (this.#failure !== undefined) throw this.#failure.error
    return this.summary()
  }

  /** What was written up to now; also after a failure, to say what is safe. */
  summary(): AppendSummary {
    const partitions: AppendedToPartition[] = []
    let records = 0
    let synced = this.#sync !== 'never'
    for (const appender of this.#opened()) {
      if (appender.hasUnsynced) synced = false
      const appended = appender.appended()
      if (appended === undefined) continue
      partitions.push(appended)
      records += appended.records
    }
    partitions.sort((a, b) => a.partition - b.partition)
    return { topic: this.topic, records, synced, partitions }
  }

  #takesRecords(): boolean {
    if (this.#failure !== undefined) throw this.#failure.error
    if (this.#isClosed) throw new TypeError('the appender is closed')
    return this.#flushing === undefined
  }

  #timestamp(own?: number): number {
    if (this.#isLogAppendTime) return Date.now()
    return own ?? this.#options.timestamp ?? Date.now()
  }

  #appendPieces(
    input: Buffer,
    start: number,
    end: number,
    delimiterByte: number,
    skipEmpty: boolean,
    emptyAsNull: boolean,
  ): number {
    const bytes = input.subarray(0, end)
    let position = start
    for (;;) {
      const delimiter = bytes.indexOf(delimiterByte, position)
      if (delimiter < 0) return position
      const isEmpty = delimiter === position
      const value = isEmpty && emptyAsNull ? null : input
      if (!(isEmpty && skipEmpty) && !this.append(null, -1, -1, value, position, delimiter)) return position
      position = delimiter + 1
    }
  }

  #checkPartition(partition: number): void {
    if (this.#destination.partitions.includes(partition)) return
    const count = this.partitionCount
    throw new InvalidArgumentError(
      `topic ${this.topic} has no partition ${partition}, only ${count === 1 ? 'partition 0' : `${count} of them`}`,
      { hint: `loglady topics alter ${this.topic} --partitions ${partition + 1}` },
    )
  }

  #partitionAppender(partition: number): PartitionAppender {
    return this.#appenders[partition] ?? this.#newPartitionAppender(partition)
  }

  #newPartitionAppender(partition: number): PartitionAppender {
    const { topic, config, openWriter } = this.#destination
    const share = Math.max(SMALLEST_TARGET_BATCH_BYTES, Math.floor(BUFFER_MEMORY_BYTES / this.partitionCount))
    const makeBuilder = () =>
      new BatchBuilder({
        maxBytes: this.maxMessageBytes,
        targetBytes: this.#options.batchBytes ?? Math.min(TARGET_BATCH_BYTES, share),
        codec: this.#options.compression ?? codecOf(config),
        logAppendTime: this.#isLogAppendTime,
        ...(this.#encodedHeaders === undefined ? {} : { headers: this.#encodedHeaders }),
      })
    const appender = new PartitionAppender(topic, partition, makeBuilder, openWriter, this.#options.onAck)
    this.#appenders[partition] = appender
    return appender
  }

  *#opened(): Generator<PartitionAppender> {
    for (const appender of this.#appenders) if (appender !== undefined) yield appender
  }

  /** One flush at a time; while it runs the builders belong to it and nothing is taken. */
  async #flush(isWanted: (appender: PartitionAppender) => boolean, waits: boolean): Promise<void> {
    const flushing = this.#writeAfter(this.#flushing, isWanted, waits)
    this.#flushing = flushing
    try {
      await flushing
    } catch (error) {
      this.#fail(error)
      throw error
    } finally {
      if (this.#flushing === flushing) this.#flushing = undefined
      this.#stopLingerIfEmpty()
    }
  }

  async #writeAfter(
    earlier: Promise<void> | undefined,
    isWanted: (appender: PartitionAppender) => boolean,
    waits: boolean,
  ): Promise<void> {
    await earlier
    if (this.#failure !== undefined) throw this.#failure.error
    await this.#write(isWanted, waits)
  }

  async #write(isWanted: (appender: PartitionAppender) => boolean, waits: boolean): Promise<void> {
    const wanted = [...this.#opened()].filter(isWanted)
    for (const appender of wanted) {
      await appender.startWrite()
      this.#partitioner.written(appender.partition)
      const written = this.#afterWrite(appender)
      // One that nobody waits for has told `#fail`, and so every later call.
      if (waits) await written
      else written.catch(() => {})
    }
    // What an earlier call did not wait for.
    if (waits) await Promise.all(Array.from(this.#opened(), appender => appender.written()))
    if (this.#sync === 'batch') await Promise.all(wanted.map(appender => appender.sync()))
  }

  async #afterWrite(appender: PartitionAppender): Promise<void> {
    try {
      await appender.written()
    } catch (error) {
      this.#fail(error)
      throw error
    }
    if (this.#sync === 'never') appender.releaseAcksUnsynced()
    else if (this.#sync !== 'batch') this.#startSyncTimer()
  }

  /** From the first record on that waits in any builder, until all are empty. */
  #startLinger(): void {
    if (this.#lingerTimer !== undefined) return
    const delayMs = this.#lingerMs === 0 ? 0 : Math.max(this.#lingerMs, this.#lingeredBatches * LINGER_MS_PER_BATCH)
    this.#lingerTimer = setTimeout(() => {
      this.#lingeredBatches = 0
      for (const appender of this.#opened()) if (!appender.builder.isEmpty) this.#lingeredBatches++
      this.flush().catch(() => {}) // #fail has it
    }, delayMs)
  }

  #stopLingerIfEmpty(): void {
    for (const appender of this.#opened()) if (!appender.builder.isEmpty) return
    clearTimeout(this.#lingerTimer)
    this.#lingerTimer = undefined
  }

  /** Syncs in the background: input is read, and batches are written, while it runs. */
  #startSyncTimer(): void {
    if (this.#syncTimer !== undefined || this.#isClosed) return
    const intervalMs = typeof this.#sync === 'object' ? this.#sync.everyMs : SYNC_INTERVAL_MS
    this.#syncTimer = setTimeout(async () => {
      try {
        await this.#syncWritten()
        this.#syncTimer = undefined
        for (const appender of this.#opened()) if (appender.hasUnsynced) this.#startSyncTimer()
      } catch (error) {
        this.#fail(error)
      }
    }, intervalMs)
  }

  async #syncWritten(): Promise<void> {
    await Promise.all(Array.from(this.#opened(), appender => appender.sync()))
  }

  #stopTimers(): void {
    clearTimeout(this.#lingerTimer)
    clearTimeout(this.#syncTimer)
  }

  async #closeWriters(): Promise<void> {
    for (const appender of this.#opened()) {
      try {
        await appender.close()
      } catch (error) {
        this.#fail(error)
      }
    }
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = { error }
    this.#stopTimers()
    this.#options.onFailure?.(error)
  }
}

function codecOf({ compressionType }: TopicConfig): Codec {
  return compressionType === 'producer' || compressionType === 'uncompressed' ? 'none' : compressionType
}
