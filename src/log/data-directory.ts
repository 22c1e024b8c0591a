import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { AlreadyExistsError, InvalidArgumentError, LockedError, NotFoundError, StorageError } from './errors.ts'
import { withDirectoryLock } from './file/directory-lock.ts'
import { syncFolder } from './file/durable.ts'
import { removeTopicFromGroups } from './file/group-checkpoint.ts'
import { LockFile, WHOLE, WRITER_LIFE } from './file/lock-file.ts'
import {
  checkNewTopicName,
  checkTopicName,
  cleanerOffsetCheckpointFile,
  directoryLockFile,
  logStartOffsetCheckpointFile,
  partitionFolderName,
  partitionLockFile,
  recoveryPointCheckpointFile,
  replicationOffsetCheckpointFile,
} from './file/names.ts'
import { changeOffsetCheckpoint, partitionKey } from './file/offset-checkpoint.ts'
import { randomTopicId } from './file/partition-metadata.ts'
import { remoteFileSystem } from './file/remote-file-system.ts'
import { checkTopicConfig } from './file/topic-config.ts'
import { MAX_PARTITIONS, readTopicsFile, writeTopicsFile } from './file/topics-file.ts'
import { type FollowOptions, followTopic } from './follow-topic.ts'
import type { NewRecord } from './new-record.ts'
import { PartitionFiles } from './partition-log/partition-files.ts'
import { PartitionLog } from './partition-log/partition-log.ts'
import { PartitionWriter } from './partition-log/partition-writer.ts'
import { type ReadOptions, readTopic, type TopicRecord } from './read-topic.ts'
import { type AppendDestination, type AppendOptions, type AppendSummary, TopicAppender } from './topic-appender.ts'
import {
  completeFolders,
  listTopics,
  removeDeletedFolders,
  renameForDeletion,
  type TopicDescription,
} from './topics.ts'

export interface DirectoryOptions {
  /** Make the directory if there is none. Default false: NotFoundError. */
  create?: boolean
  /** Told, a line each: what was made, what recovery cut, who is waited for. */
  onNote?: (note: string) => void
}

/** Kafka's names and values: `{ 'segment.bytes': 1048576 }`, or a Map of text. */
export type TopicConfigInput<None = never> =
  | ReadonlyMap<string, string | None>
  | Readonly<Record<string, string | number | boolean | None>>

export interface NewTopic {
  /** Default 1. */
  partitions?: number
  config?: TopicConfigInput
}

export interface TopicChanges {
  /** More than there are: records would lose their order by key if it were fewer. */
  partitions?: number
  /** undefined takes a value back to its default. */
  config?: TopicConfigInput<undefined>
}

const CHECKPOINTS = [
  recoveryPointCheckpointFile,
  logStartOffsetCheckpointFile,
  replicationOffsetCheckpointFile,
  cleanerOffsetCheckpointFile,
]

/**
 * A Kafka log directory: one folder for each partition, and the files that speak of all of them (docs/format.md).
 *
 *     const directory = DataDirectory.open('data', { create: true })
 *     await directory.createTopic('orders')
 *     await directory.append('orders', [{ key: 'alice', value: 'one apple' }])
 *     for await (const record of directory.read('orders')) handle(record.offset, record.value)
 *     directory.close()
 *
 * Reading takes no lock. The first change takes `<dir>/.lock` shared, for the life of this object: a broker holds it
 * exclusively, so the two never write at once.
 */
export class DataDirectory {
  readonly path: string
  readonly #onNote: (note: string) => void
  #lock: LockFile | undefined
  #hasToldHost = false

  private constructor(path: string, onNote: (note: string) => void) {
    this.path = path
    this.#onNote = onNote
  }

  static open(path: string, options: DirectoryOptions = {}): DataDirectory {
    const absolute = resolve(path)
    const onNote = options.onNote ?? (() => {})
    const found = statSync(absolute, { throwIfNoEntry: false })
    if (found === undefined) {
      if (!options.create) {
        throw new NotFoundError('no such data directory', {
          path,
          hint: 'loglady append makes one; -d DIR or $LOGLADY_DIR names another',
        })
      }
      makeDirectory(absolute)
      onNote(`made the data directory ${path}`)
    } else if (!found.isDirectory()) {
      throw new InvalidArgumentError('not a directory', { path })
    }
    return new DataDirectory(absolute, onNote)
  }

  /** Sorted by name. */
  topics(): TopicDescription[] {
    return [...listTopics(this.path).values()]
  }

  /** Throws NotFoundError. */
  topic(name: string): TopicDescription {
    checkTopicName(name)
    const topics = listTopics(this.path)
    const topic = topics.get(name)
    if (topic !== undefined) return topic
    const names = [...topics.keys()]
    const there = names.length === 0 ? 'there are no topics yet' : `there are: ${names.slice(0, 10).join(', ')}`
    throw new NotFoundError(`no topic ${name}`, { path: this.path, hint: there })
  }

  hasTopic(name: string): boolean {
    return listTopics(this.path).has(name)
  }

  /** Throws AlreadyExistsError, InvalidArgumentError for the name or the configuration, LockedError beside a broker. */
  async createTopic(name: string, { partitions = 1, config = {} }: NewTopic = {}): Promise<TopicDescription> {
    const overrides = checkTopicConfig(configEntries(config))
    checkPartitionCount(partitions)
    this.lockShared()
    await this.#locked(() => {
      const known = listTopics(this.path)
      checkNewTopicName(name, known.keys())
      if (known.has(name)) throw new AlreadyExistsError(`the topic ${name} exists already`, { path: this.path })
      removeDeletedFolders(this.path)
      const topics = readTopicsFile(this.path) ?? new Map()
      const id = randomTopicId()
      // The commit point: from here on the topic exists, with so many partitions, and folders follow.
      writeTopicsFile(this.path, new Map([...topics, [name, { id, partitions, config: overrides }]]))
      completeFolders(this.path, name, id, partitions)
    })
    return this.topic(name)
  }

  async alterTopic(name: string, { partitions, config }: TopicChanges): Promise<TopicDescription> {
    this.topic(name)
    this.lockShared()
    await this.#locked(() => {
      const topics = new Map(readTopicsFile(this.path) ?? [])
      const entry = topics.get(name)
      if (entry === undefined) {
        throw new InvalidArgumentError(`the configuration of ${name} is the broker's, it made the topic`, {
          path: this.path,
        })
      }
      const count = partitions ?? entry.partitions
      checkPartitionCount(count)
      if (count < entry.partitions) {
        throw new InvalidArgumentError(`${name} has ${entry.partitions} partitions, and they cannot become fewer`)
      }
      const overrides = new Map(entry.config)
      for (const [key, value] of configEntries(config ?? {})) {
        if (value === undefined) overrides.delete(key)
        else overrides.set(key, value)
      }
      topics.set(name, { id: entry.id, partitions: count, config: checkTopicConfig(overrides) })
      writeTopicsFile(this.path, topics)
      completeFolders(this.path, name, entry.id, count)
    })
    return this.topic(name)
  }

  /**
   * Deletes the topic with its records, its lines in checkpoints and in groups; `backupFolder` receives the partitions'
   * folders instead. Throws LockedError while a writer lives.
   */
  async deleteTopic(name: string, { backupFolder }: { backupFolder?: string } = {}): Promise<void> {
    const { partitions } = this.topic(name)
    this.lockShared()
    const locks: LockFile[] = []
    try {
      for (const partition of partitions) this.#lockAgainstWriters(name, partition, locks)
      await this.#locked(() => this.#deleteLocked(name, partitions, backupFolder))
    } finally {
      for (const lock of locks) lock.close()
    }
  }

  /** What says "so far it is safe" goes first: records must not be gone while a recovery point still vouches for them. */
  #deleteLocked(name: string, partitions: number[], backupFolder: string | undefined): void {
    if (backupFolder !== undefined) prepareBackup(resolve(backupFolder), name, partitions)
    for (const file of CHECKPOINTS) {
      if (!existsSync(join(this.path, file))) continue
      const changes = new Map(partitions.map(partition => [partitionKey(name, partition), undefined]))
      const onUnreadable = (error: { describe(): string }) => this.#onNote(error.describe())
      changeOffsetCheckpoint(this.path, file, () => changes, { durable: true, onUnreadable })
    }
    removeTopicFromGroups(this.path, name, error => this.#onNote(error.describe()))
    for (const partition of partitions) {
      const folder = join(this.path, partitionFolderName(name, partition))
      if (!existsSync(folder)) continue
      // In one step from its place to the backup: under a name in between the next writer would clear it away.
      if (backupFolder !== undefined) moveFolder(folder, join(backupFolder, partitionFolderName(name, partition)))
      else renameForDeletion(this.path, name, partition)
    }
    syncFolder(this.path)
    // Last, as folders without an entry here would count as a topic that a broker made.
    const topics = new Map(readTopicsFile(this.path) ?? [])
    if (topics.delete(name)) writeTopicsFile(this.path, topics)
    removeDeletedFolders(this.path)
  }

  #lockAgainstWriters(topic: string, partition: number, locks: LockFile[]): void {
    const folder = join(this.path, partitionFolderName(topic, partition))
    if (!existsSync(folder)) return
    const lock = LockFile.open(join(folder, partitionLockFile))
    locks.push(lock)
    if (lock.tryLock(WRITER_LIFE, 'exclusive')) return
    const holder = lock.holder(WRITER_LIFE, 'exclusive') ?? 'another process'
    throw new LockedError(`${topic}/${partition} is being written by ${holder}`, { path: lock.path })
  }

  /**
   * The records of a topic from one place to another, as objects; by default all that there are at the call, merged by
   * timestamp. Throws NotFoundError and OffsetOutOfRangeError at once; the iteration throws CorruptLogError at damage, behind
   * records that are all valid, and RecordsRemovedError.
   */
  read(topic: string, options: ReadOptions = {}): AsyncGenerator<TopicRecord, void, undefined> {
    return readTopic(this.#partitionsFor(topic, options.partitions), options)
  }

  /**
   * As `read`, and then whatever comes, also in partitions that are added, until `until` or the signal ends it. Besides what
   * `read` throws: LogReplacedError once the log was cut below what had been read, or the topic deleted.
   */
  follow(topic: string, options: FollowOptions = {}): AsyncGenerator<TopicRecord, void, undefined> {
    return followTopic(() => this.#partitionsFor(topic, options.partitions), options)
  }

  /**
   * Appends all of them and syncs by policy (default: durable when this resolves). If a record is refused or the source throws, those
   * before it are written. For more than one go, keep a `topicAppender`: opening one costs some file work.
   */
  async append(
    topic: string,
    records: Iterable<NewRecord> | AsyncIterable<NewRecord>,
    options: AppendOptions = {},
  ): Promise<AppendSummary> {
    const appender = await this.topicAppender(topic, options)
    try {
      for await (const record of records) await appender.send(record)
    } catch (error) {
      // What made the run fail is what send has thrown already.
      await appender.close().catch(() => {})
      throw error
    }
    return appender.close()
  }

  #partitionsFor(topic: string, partitions: readonly number[] | undefined): PartitionLog[] {
    const description = this.topic(topic)
    if (partitions === undefined) return this.partitionsOf(description)
    const numbers = [...new Set(partitions)].sort((a, b) => a - b)
    return numbers.map(partition => this.#partitionOf(description, partition))
  }

  /** The read side of one partition. Throws NotFoundError. */
  partition(topic: string, partition: number): PartitionLog {
    return this.#partitionOf(this.topic(topic), partition)
  }

  #partitionOf(topic: TopicDescription, partition: number): PartitionLog {
    if (!topic.partitions.includes(partition)) {
      throw new NotFoundError(`topic ${topic.name} has no partition ${partition}`, {
        path: this.path,
        hint: `it has ${describeNumbers(topic.partitions)}`,
      })
    }
    return new PartitionLog(this.#files(topic, partition))
  }

  /** The read side of all partitions of a topic as `topic()` or `topics()` gave it: one look at the directory for all. */
  partitionsOf(topic: TopicDescription): PartitionLog[] {
    return topic.partitions.map(partition => new PartitionLog(this.#files(topic, partition)))
  }

  #files(topic: TopicDescription, partition: number): PartitionFiles {
    return new PartitionFiles(this.path, topic.name, partition, topic.isOwned && !topic.config.cleanupPolicyCompact)
  }

  /** The write side of one partition; most callers want `topicAppender`. Throws NotFoundError, LockedError, CorruptLogError. */
  async partitionWriter(topic: string, partition: number): Promise<PartitionWriter> {
    return this.#openWriter(this.topic(topic), partition)
  }

  async #openWriter(topic: TopicDescription, partition: number): Promise<PartitionWriter> {
    this.lockShared()
    this.#tellHost()
    const { files } = this.#partitionOf(topic, partition)
    await this.#completeMissing(topic, [partition])
    return PartitionWriter.open(files, { ...topic.config, onNote: this.#onNote })
  }

  /** Makes what a crash left unmade while the topic was being made, or was given more partitions. */
  async #completeMissing(topic: TopicDescription, partitions: readonly number[]): Promise<void> {
    const isThere = (partition: number) => existsSync(join(this.path, partitionFolderName(topic.name, partition)))
    if (topic.id === undefined || partitions.every(isThere)) return
    this.lockShared()
    await this.#locked(() => this.#complete(topic))
  }

  /** The topic may have been deleted since it was looked up: then nothing of it may come back. */
  #complete({ name, id }: TopicDescription): void {
    const entry = readTopicsFile(this.path)?.get(name)
    if (entry === undefined || entry.id !== id) {
      throw new NotFoundError(`the topic ${name} was deleted meanwhile`, { path: this.path })
    }
    removeDeletedFolders(this.path)
    completeFolders(this.path, name, entry.id, entry.partitions)
  }

  #tellHost(): void {
    const fileSystem = this.#hasToldHost ? undefined : remoteFileSystem(this.path)
    this.#hasToldHost = true
    if (fileSystem === undefined) return
    this.#onNote(`the data directory is on ${fileSystem}: all its writers must run on one host`)
  }

  /** One run of appends: see TopicAppender. */
  async topicAppender(topic: string, options: AppendOptions = {}): Promise<TopicAppender> {
    const description = this.topic(topic)
    const { config, partitions } = description
    if (options.partition === undefined && partitions.some((partition, i) => partition !== i)) {
      throw new InvalidArgumentError(
        `the partitions of ${topic} here are ${describeNumbers(partitions)}, others are elsewhere`,
        {
          path: this.path,
          hint: 'name the partition with -p: where a key belongs cannot be known',
        },
      )
    }
    // Not only those that will be written to: a broker would know of no others.
    await this.#completeMissing(description, partitions)
    const destination: AppendDestination = {
      topic,
      partitions,
      config,
      openWriter: partition => this.#openWriter(description, partition),
    }
    return TopicAppender.open(destination, options)
  }

  /**
   * Takes `<dir>/.lock` shared, once. A broker unlinks the file when it stops, so the one that was locked must still be
   * the one at the path. Throws LockedError while a broker runs.
   */
  lockShared(): void {
    while (this.#lock === undefined) {
      const lock = LockFile.open(join(this.path, directoryLockFile))
      if (!lock.tryLock(WHOLE, 'shared')) {
        const holder = lock.holder(WHOLE, 'shared') ?? 'another process'
        lock.close()
        throw new LockedError(`the data directory is locked by ${holder}`, {
          path: this.path,
          hint: 'a broker that runs on it? Stop it first, or produce through it',
        })
      }
      if (lock.isSameFile()) this.#lock = lock
      else lock.close()
    }
  }

  async #locked(work: () => void): Promise<void> {
    await withDirectoryLock(this.path, work, holder =>
      this.#onNote(`waiting for the lock of ${this.path}, held by ${holder}`),
    )
  }

  /** Lets go of the lock; appenders and readers made from this object have to be closed before. */
  close(): void {
    this.#lock?.close()
    this.#lock = undefined
  }
}

function configEntries<None = never>(config: TopicConfigInput<None>): ReadonlyMap<string, string | None> {
  const entries: Iterable<[string, string | number | boolean | None]> =
    config instanceof Map ? config : Object.entries(config)
  return new Map(
    Array.from(entries, ([name, value]) => [
      name,
      typeof value === 'number' || typeof value === 'boolean' ? String(value) : value,
    ]),
  )
}

function checkPartitionCount(partitions: number): void {
  if (Number.isInteger(partitions) && partitions > 0 && partitions <= MAX_PARTITIONS) return
  throw new InvalidArgumentError(`${partitions} is no number of partitions, expected 1 to ${MAX_PARTITIONS}`)
}

/** Each level by itself: Node's own recursion never ends where a parent refuses with ENOENT, as /proc does. */
function makeDirectory(path: string): void {
  const parent = dirname(path)
  if (parent !== path && !existsSync(parent)) makeDirectory(parent)
  try {
    mkdirSync(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return
    throw new StorageError(`cannot make the directory: ${(cause as Error).message}`, { path, cause })
  }
  syncFolder(parent)
}

function prepareBackup(folder: string, topic: string, partitions: readonly number[]): void {
  makeDirectory(folder)
  for (const partition of partitions) {
    const path = join(folder, partitionFolderName(topic, partition))
    if (existsSync(path)) throw new AlreadyExistsError('the backup folder has this partition already', { path })
  }
}

function moveFolder(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (cause) {
    throw new StorageError(`cannot move to the backup folder: ${(cause as Error).message}`, {
      path: to,
      cause,
      hint: 'the backup folder must be on the same file system',
    })
  }
}

function describeNumbers(numbers: readonly number[]): string {
  return numbers.length > 12 ? `${numbers.slice(0, 12).join(', ')}, … ${numbers.at(-1)}` : numbers.join(', ')
}
