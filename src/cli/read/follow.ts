import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import {
  type DataDirectory,
  LogReplacedError,
  type LogWatch,
  NotFoundError,
  PartitionRecords,
  type PartitionValues,
  partitionMetadataFile,
  type SkippedDamage,
} from '../../log/index.ts'
import { watchReader } from '../output/reader-watch.ts'
import { Bell } from './bell.ts'
import type { Printer, Target } from './printer.ts'
import type { ReadPartition } from './read-partition.ts'

/** How long a follower sleeps at most: for file systems without notification, and to hear of new partitions and topics. */
const LONGEST_WAIT_MS = 1000
/** How often a topic that is not there is looked for. */
const RETRY_MS = 200

/** Opens a partition that turned up while following; undefined if it was not asked for. */
export type OpenNew = (topic: string, partition: number) => Promise<ReadPartition | undefined>

export interface FollowOptions {
  directory: DataDirectory
  printer: Printer
  /** `-F`: wait for topics, and go on with what has replaced them. */
  retry?: boolean
  openNew: OpenNew
  onDamage: ((damage: SkippedDamage) => void) | undefined
  /** Records were removed before they were read. */
  onRemoved: (partition: ReadPartition, firstOffset: number, lastOffset: number) => void
  onNote: (note: string) => void
  signal: AbortSignal
}

/**
 * Prints what partitions gain, as it comes, until nothing more is wanted. It sleeps until the kernel tells of a change in one
 * of their folders, a second at most, and also hears a signal, and a reader of stdout that goes while there is nothing to
 * write.
 */
export class Follower {
  readonly #options: FollowOptions
  readonly #bell = new Bell()
  readonly #topics: FollowedTopic[] = []

  constructor(options: FollowOptions) {
    this.#options = options
  }

  /** By topic the partitions that were read so far; a topic without any is waited for. */
  async run(topics: ReadonlyMap<string, readonly ReadPartition[]>): Promise<void> {
    const { printer, signal } = this.#options
    const ring = () => this.#bell.ring()
    signal.addEventListener('abort', ring)
    const hangup = watchReader(printer.sink, ring)
    try {
      for (const [name, partitions] of topics) this.#add(name, partitions)
      while (!printer.isOver) {
        let isWorthWaiting = false
        for (const topic of this.#topics) if (await topic.printAvailable()) isWorthWaiting = true
        await printer.sink.flush()
        if (!isWorthWaiting || printer.isOver) break
        await this.#wait()
      }
    } finally {
      signal.removeEventListener('abort', ring)
      for (const topic of this.#topics) topic.close()
      await hangup.close()
    }
  }

  #add(name: string, partitions: readonly ReadPartition[]): void {
    const topic = new FollowedTopic(name, this.#options, this.#bell)
    this.#topics.push(topic)
    for (const partition of partitions) topic.add(partition, partition.until)
  }

  async #wait(): Promise<void> {
    const isWaiting = this.#topics.some(topic => topic.isMissing)
    const timer = setTimeout(() => this.#bell.ring(), isWaiting ? RETRY_MS : LONGEST_WAIT_MS)
    await this.#bell.wait()
    clearTimeout(timer)
    this.#options.printer.commits?.check()
  }
}

interface FollowedPartition {
  readonly partition: ReadPartition
  readonly records: PartitionRecords
  readonly values: PartitionValues | undefined
  readonly target: Target
  readonly watch: LogWatch
  /** What the folder was when it was opened, empty while there is none: a topic that was made anew has another of the same name. */
  folder: string
  isDone: boolean
  isClosed: boolean
}

class FollowedTopic {
  readonly #name: string
  readonly #options: FollowOptions
  readonly #bell: Bell
  #partitions: FollowedPartition[] = []
  #checkedAt = Date.now()

  constructor(name: string, options: FollowOptions, bell: Bell) {
    this.#name = name
    this.#options = options
    this.#bell = bell
  }

  get isMissing(): boolean {
    return this.#partitions.length === 0
  }

  add(partition: ReadPartition, from: number): void {
    const { printer, onDamage, onRemoved } = this.#options
    const { log, followUntil: until, committed } = partition
    const watch = log.watch()
    const reader = log.reader({
      from,
      ...(until !== undefined && { until }),
      onRemoved: (first, last) => onRemoved(partition, first, last),
    })
    const selection = { from, until, committed, since: printer.filter.since, onDamage }
    const records = new PartitionRecords(reader, selection)
    const copiesValues = printer.copiesValues && partition.untilTimestamp === undefined
    const followed: FollowedPartition = {
      partition,
      records,
      values: copiesValues ? printer.openValues(records) : undefined,
      target: printer.target(partition),
      watch,
      folder: folderIdentity(log.folder),
      isDone: false,
      isClosed: false,
    }
    printer.commits?.add(followed.target.index, partition)
    this.#partitions.push(followed)
    void this.#watch(followed)
  }

  /** False when nothing more can come. */
  async printAvailable(): Promise<boolean> {
    await this.#lookForPartitions()
    for (const followed of this.#partitions) {
      if (followed.isDone) continue
      try {
        this.#checkFolder(followed)
        await this.#print(followed)
      } catch (error) {
        await this.#replace(followed, error)
      }
      if (this.#options.printer.isOver) return false
    }
    return this.isMissing || this.#partitions.some(followed => !followed.isDone)
  }

  close(): void {
    for (const followed of this.#partitions) close(followed)
    this.#partitions = []
  }

  async #watch(followed: FollowedPartition): Promise<void> {
    while (!followed.isClosed) {
      await followed.watch.wait(LONGEST_WAIT_MS)
      this.#bell.ring()
    }
  }

  async #print(followed: FollowedPartition): Promise<void> {
    const { printer } = this.#options
    const { records, values, target } = followed
    const { untilTimestamp = Number.POSITIVE_INFINITY } = followed.partition
    if (values !== undefined) await printer.copyValues(values)
    else {
      while (!printer.isOver && records.next()) {
        if (records.record.timestamp >= untilTimestamp) return finish(followed)
        printer.printAndMark(records, target)
        if (printer.needsBreath()) await printer.breathe()
      }
    }
    if (printer.isOver) return
    printer.commits?.delivered(target.index, records.position)
    if (records.isAtEnd) finish(followed)
  }

  #checkFolder(followed: FollowedPartition): void {
    const { partition, records, folder } = followed
    const found = folderIdentity(partition.log.folder)
    // A topic exists from the moment when its name is written; its folders follow.
    if (folder === '') followed.folder = found
    if (found === followed.folder) return
    const what = found === '' ? 'deleted' : 'deleted and made anew'
    throw new LogReplacedError(`${this.#name} was ${what}; offset ${records.position} had been reached`, {
      path: partition.log.folder,
    })
  }

  /** The log was cut, or the topic has gone. */
  async #replace(followed: FollowedPartition, error: unknown): Promise<void> {
    const { retry, onNote } = this.#options
    const { log } = followed.partition
    const hasGone = error instanceof NotFoundError
    if (!(error instanceof LogReplacedError || hasGone)) throw error
    const end = endOf(followed.partition)
    const { position } = followed.records
    const told = `${error.message}${end === undefined ? '' : `; the log ends at offset ${end} now`}`
    if (!retry) throw new LogReplacedError(told, { path: log.folder, firstOffset: position, cause: error })
    onNote(`${told}; going on with ${end === undefined ? 'the next one' : 'the new one'}`)
    close(followed)
    this.#partitions = this.#partitions.filter(other => other !== followed)
    this.#checkedAt = 0
    if (end === undefined || folderIdentity(log.folder) !== followed.folder) return
    // The same topic, cut: go on where it was cut.
    const reopened = await this.#open(followed.partition.partition)
    if (reopened !== undefined) this.add(reopened, Math.min(position, end))
  }

  /** More partitions than before, or a topic that was waited for. */
  async #lookForPartitions(): Promise<void> {
    if (!this.isMissing && Date.now() - this.#checkedAt < LONGEST_WAIT_MS) return
    this.#checkedAt = Date.now()
    const { directory } = this.#options
    const known = new Set(this.#partitions.map(({ partition }) => partition.partition))
    for (const number of partitionsOf(directory, this.#name)) {
      if (known.has(number)) continue
      const partition = await this.#open(number)
      if (partition !== undefined) this.add(partition, partition.from)
    }
  }

  async #open(partition: number): Promise<ReadPartition | undefined> {
    try {
      return await this.#options.openNew(this.#name, partition)
    } catch (error) {
      // A topic exists from the moment when its name is written; its folders follow.
      if (error instanceof NotFoundError) return undefined
      throw error
    }
  }
}

function finish(followed: FollowedPartition): void {
  followed.isDone = true
  close(followed)
}

function close(followed: FollowedPartition): void {
  followed.isClosed = true
  followed.watch.close()
  followed.records.close()
}

/**
 * Tells a folder from another one that has taken its name; empty if there is none. The topic's id is in it because the inode of
 * a deleted folder is soon used again.
 */
function folderIdentity(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found === undefined ? '' : `${found.dev} ${found.ino} ${metadataOf(path)}`
}

function metadataOf(path: string): string {
  try {
    return readFileSync(join(path, partitionMetadataFile), 'utf8')
  } catch {
    // Brokers before 2.8 wrote none.
    return ''
  }
}

function endOf({ log }: ReadPartition): number | undefined {
  if (folderIdentity(log.folder) === '') return undefined
  try {
    return log.logEndOffset()
  } catch (error) {
    if (error instanceof NotFoundError) return undefined
    throw error
  }
}

function partitionsOf(directory: DataDirectory, topic: string): number[] {
  return directory.hasTopic(topic) ? directory.topic(topic).partitions : []
}
