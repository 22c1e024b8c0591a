import { LogReplacedError, NotFoundError } from './errors.ts'
import { LogWatch } from './partition-log/log-watch.ts'
import type { PartitionLog } from './partition-log/partition-log.ts'
import {
  mergedRecords,
  type PartitionRange,
  type ReadOptions,
  resolveRange,
  type TopicRecord,
  TopicRecordStream,
} from './read-topic.ts'

export interface FollowOptions extends ReadOptions {
  /** Ends the iteration, without an error. */
  signal?: AbortSignal
}

/** How long a follower sleeps at most: for file systems without notification, and to hear of new partitions. */
const LONGEST_WAIT_MS = 1000

/**
 * `DataDirectory.follow`: reads what there is, sleeps until the kernel tells of a change in one of the partitions' folders, a
 * second at most, and reads on. What is there at the same time is merged; what comes later comes later.
 * `list` gives the partitions that are wanted, and throws NotFoundError once the topic has gone.
 */
export function followTopic(
  list: () => PartitionLog[],
  options: FollowOptions,
): AsyncGenerator<TopicRecord, void, undefined> {
  return new TopicFollower(list, options).records()
}

class TopicFollower {
  readonly #list: () => PartitionLog[]
  readonly #options: FollowOptions
  /** The partitions that were there at the call, with the ranges of that moment. */
  readonly #first: { log: PartitionLog; range: PartitionRange }[]
  readonly #streams: TopicRecordStream[] = []
  readonly #watch = new LogWatch()
  #listedAt = Date.now()

  constructor(list: () => PartitionLog[], options: FollowOptions) {
    this.#list = list
    this.#options = options
    this.#first = list().map(log => ({ log, range: resolveRange(log, options, true) }))
  }

  async *records(): AsyncGenerator<TopicRecord, void, undefined> {
    const { signal, order } = this.#options
    const wake = () => this.#watch.wake()
    signal?.addEventListener('abort', wake)
    try {
      for (const { log, range } of this.#first) this.#open(log, range)
      while (!signal?.aborted) {
        for await (const record of mergedRecords(this.#streams, order)) {
          yield record
          if (signal?.aborted) return
        }
        if (this.#streams.every(stream => stream.isOver)) return
        await this.#watch.wait(LONGEST_WAIT_MS)
        this.#lookForPartitions()
      }
    } catch (error) {
      if (error instanceof NotFoundError) throw this.#deleted(error)
      throw error
    } finally {
      signal?.removeEventListener('abort', wake)
      this.#watch.close()
      for (const stream of this.#streams) stream.close()
    }
  }

  #open(log: PartitionLog, range: PartitionRange): void {
    // Before anything is read: what comes behind the read then ends the wait.
    this.#watch.add(log.folder)
    this.#streams.push(new TopicRecordStream(log, range, this.#options))
  }

  /** The topic may have got more partitions. */
  #lookForPartitions(): void {
    if (Date.now() - this.#listedAt < LONGEST_WAIT_MS) return
    this.#listedAt = Date.now()
    const known = new Set(this.#streams.map(({ log }) => log.partition))
    for (const log of this.#list()) {
      if (known.has(log.partition)) continue
      // Whatever `from` says: it was said when this partition had no record.
      this.#open(log, resolveRange(log, { ...this.#options, from: 'beginning' }, true))
    }
  }

  #deleted(cause: NotFoundError): LogReplacedError {
    const reached = this.#streams.map(({ log, position }) => `offset ${position} of ${log.topic}/${log.partition}`)
    return new LogReplacedError(`the topic was deleted; ${reached.join(', ')} had been reached`, { ...cause, cause })
  }
}
