import type { BatchBuilder } from './record/batch-builder.ts'

/** What a TopicAppender needs of a PartitionWriter. */
export interface BatchWriter {
  /** Stamps the batches with the next offsets and writes them; the offsets that they got. */
  append(batches: Buffer): Promise<{ baseOffset: number; lastOffset: number }>
  /** fdatasync of what was written so far; the offset up to which (exclusive) everything is durable. */
  sync(): Promise<number>
  close(): Promise<void>
}

/** One batch, at the moment from which the sync policy's promise holds for it. */
export interface Ack {
  topic: string
  partition: number
  baseOffset: number
  lastOffset: number
  records: number
  /** False under `never` only: the batch is in the kernel's hands. */
  synced: boolean
}

/** What one run wrote to one partition. Other writers' records may lie between the two offsets. */
export interface AppendedToPartition {
  partition: number
  baseOffset: number
  lastOffset: number
  records: number
  /** Everything of this run below this offset is durable; -1 for nothing. */
  durableOffset: number
}

/** One partition's part of a TopicAppender: the batch being filled, the writer, and the acks that wait for a sync. */
export class PartitionAppender {
  readonly topic: string
  readonly partition: number
  /** The batch that is being filled; another one after each `startWrite`. */
  builder: BatchBuilder
  /** The builder whose batch was written last, to be filled next. */
  #spare: BatchBuilder | undefined
  #writing: Promise<void> = Promise.resolve()
  readonly #makeBuilder: () => BatchBuilder
  readonly #openWriter: (partition: number) => Promise<BatchWriter>
  readonly #onAck: ((ack: Ack) => void) | undefined
  #writer: BatchWriter | undefined
  #waitingAcks: Ack[] = []
  #hasUnsynced = false
  #syncing: Promise<void> = Promise.resolve()
  #baseOffset = -1
  #lastOffset = -1
  #records = 0
  #durableOffset = -1

  constructor(
    topic: string,
    partition: number,
    makeBuilder: () => BatchBuilder,
    openWriter: (partition: number) => Promise<BatchWriter>,
    onAck?: (ack: Ack) => void,
  ) {
    this.topic = topic
    this.partition = partition
    this.#makeBuilder = makeBuilder
    this.builder = makeBuilder()
    this.#openWriter = openWriter
    this.#onAck = onAck
  }

  get hasUnsynced(): boolean {
    return this.#hasUnsynced
  }

  async open(): Promise<void> {
    this.#writer ??= await this.#openWriter(this.partition)
  }

  /**
   * Hands the batch over to be written, once the one before it is, and puts an empty builder in its place: the next batch is
   * filled while this one goes to the file. `written` tells how it ended.
   */
  async startWrite(): Promise<void> {
    await this.#writing
    const full = this.builder
    this.builder = this.#spare ?? this.#makeBuilder()
    this.#spare = undefined
    this.#writing = this.#write(full)
    // Whoever asks for it next hears of a failure.
    this.#writing.catch(() => {})
  }

  /** The end of the write that was started last. */
  written(): Promise<void> {
    return this.#writing
  }

  async #write(builder: BatchBuilder): Promise<void> {
    await this.open()
    const records = builder.count
    const { baseOffset, lastOffset } = await this.#writer!.append(builder.build())
    builder.reset()
    this.#spare = builder
    this.#hasUnsynced = true
    if (this.#baseOffset < 0) this.#baseOffset = baseOffset
    this.#lastOffset = lastOffset
    this.#records += records
    if (this.#onAck !== undefined) {
      const { topic, partition } = this
      this.#waitingAcks.push({ topic, partition, baseOffset, lastOffset, records, synced: false })
    }
  }

  /** Makes durable what was written before the call, also if a sync is under way that began too early to cover it. */
  sync(): Promise<void> {
    this.#syncing = this.#syncing.then(() => this.#sync())
    return this.#syncing
  }

  async #sync(): Promise<void> {
    if (!this.#hasUnsynced) return
    // Cleared first: what is written while the sync runs needs the next one.
    this.#hasUnsynced = false
    try {
      this.#durableOffset = await this.#writer!.sync()
    } catch (error) {
      this.#hasUnsynced = true
      throw error
    }
    let released = 0
    for (const ack of this.#waitingAcks) {
      if (ack.lastOffset >= this.#durableOffset) break
      ack.synced = true
      this.#onAck?.(ack)
      released++
    }
    this.#waitingAcks = this.#waitingAcks.slice(released)
  }

  /** Releases the acks of what was written, for the policy that syncs nothing. */
  releaseAcksUnsynced(): void {
    for (const ack of this.#waitingAcks) this.#onAck?.(ack)
    this.#waitingAcks = []
  }

  appended(): AppendedToPartition | undefined {
    if (this.#records === 0) return undefined
    return {
      partition: this.partition,
      baseOffset: this.#baseOffset,
      lastOffset: this.#lastOffset,
      records: this.#records,
      durableOffset: this.#durableOffset,
    }
  }

  async close(): Promise<void> {
    // A write or sync that failed has told its own caller; here it only has to be over.
    await this.#writing.catch(() => {})
    await this.#syncing.catch(() => {})
    await this.#writer?.close()
    this.#writer = undefined
  }
}
