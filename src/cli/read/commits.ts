import { setTimeout as sleep } from 'node:timers/promises'
import { partitionKey } from '../../log/index.ts'
import type { RecordOrigin } from '../output/record-writer.ts'
import type { BlockSink } from '../output/stdout.ts'
import { DeliveredOffsets } from './delivered-offsets.ts'
import type { OffsetStore } from './offset-store.ts'

/** Each commit costs an fsync; more often would only shorten what is delivered twice after a crash. */
const COMMIT_INTERVAL_MS = 5000
/** Beside the commits, so that what is in the reader's hands need not be remembered: it may be millions of records. */
const RECORDS_BETWEEN_LOOKS = 10_000
/** How often the end of the pipe is looked at while the last bytes are in it. */
const FIRST_LOOK_MS = 2
const SLOWEST_LOOK_MS = 100

/**
 * Commits what the reader of stdout has taken out of the pipe (at least once, as far as its read(2)): every five seconds, and
 * at the end. Of a file or a terminal what was written counts. Once the reader has gone with bytes still in the pipe,
 * nothing more is committed: nobody knows what it did with the last ones.
 */
export class Commits {
  readonly #store: OffsetStore
  readonly #sink: BlockSink
  readonly #keys: string[] = []
  readonly #delivered = new DeliveredOffsets()
  readonly #committed: number[] = []
  readonly #timer: NodeJS.Timeout
  #committing: Promise<void> = Promise.resolve()
  #error: unknown
  #sinceTaken = 0

  constructor(store: OffsetStore, sink: BlockSink) {
    this.#store = store
    this.#sink = sink
    this.#timer = setInterval(() => this.#commitSoon(), COMMIT_INTERVAL_MS)
    this.#timer.unref()
  }

  /** Makes a partition known under a number of the caller's, with the offset that it is read from. */
  add(index: number, { topic, partition, from }: RecordOrigin & { from: number }): void {
    if (this.#keys[index] !== undefined) return
    this.#keys[index] = partitionKey(topic, partition)
    this.#delivered.begin(index, from)
    // Where a group stands may be elsewhere, or nowhere; so what it starts from is committed too.
    this.#committed[index] = this.#store.committed(topic, partition) ?? -1
  }

  /** What was put into the sink so far holds the partition's records below `nextOffset`. */
  delivered(index: number, nextOffset: number): void {
    this.#delivered.add(index, this.#sink.produced, nextOffset)
    if (++this.#sinceTaken === RECORDS_BETWEEN_LOOKS) this.#look()
  }

  /** Throws what a commit in the background has met. */
  check(): void {
    if (this.#error !== undefined) throw this.#error
  }

  /** The last commit. Without a signal it waits until the reader has taken everything, or has gone. */
  async finish(signal: AbortSignal): Promise<void> {
    const sink = this.#sink
    let look = FIRST_LOOK_MS
    while (!signal.aborted && !sink.isClosed && !sink.isReaderGone && !this.#isAllTaken) {
      await sleep(look, undefined, { signal }).catch(() => {})
      look = Math.min(look * 2, SLOWEST_LOOK_MS)
    }
    clearInterval(this.#timer)
    await this.#committing
    this.check()
    if (!sink.isReaderGone || this.#isAllTaken) await this.#commit()
  }

  get #isAllTaken(): boolean {
    return this.#sink.taken() >= this.#sink.produced
  }

  close(): void {
    clearInterval(this.#timer)
    this.#store.close()
  }

  #commitSoon(): void {
    if (this.#sink.isReaderGone) return
    this.#committing = this.#committing
      .then(() => this.#commit())
      .catch((error: unknown) => {
        this.#error ??= error
      })
  }

  #look(): void {
    this.#sinceTaken = 0
    this.#delivered.take(this.#sink.taken())
  }

  async #commit(): Promise<void> {
    if (this.#sink.isClosed) return
    this.#look()
    const changes = new Map<string, number>()
    for (const [i, offset] of this.#delivered.offsets.entries()) {
      if (offset === this.#committed[i]) continue
      changes.set(this.#keys[i]!, offset)
      this.#committed[i] = offset
    }
    if (changes.size > 0) await this.#store.commit(changes)
  }
}
