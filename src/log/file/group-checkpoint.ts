import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { CorruptFileError, LockedError, StorageError } from '../errors.ts'
import { LockFile, type LockRange } from './lock-file.ts'
import { groupCheckpointFileName, logladyLockFile, parseGroupCheckpointFileName } from './names.ts'
import {
  changeOffsetCheckpoint,
  linesOfTopic,
  type OffsetChanges,
  type PartitionOffsets,
  partitionKey,
  readOffsetCheckpoint,
  updateOffsetCheckpoint,
} from './offset-checkpoint.ts'

/** Behind every other range that is locked in loglady.lock. */
const GROUP_LOCKS_START = 2 ** 32
const GROUP_HASH_BYTES = 6

/**
 * `loglady-group-<name>.checkpoint` of the data directory: how far a consumer group has come, lines of `<topic> <partition>
 * <offset>`. As in Kafka a committed offset is the *next* one to deliver: 134 says that 0 to 133 are done. A broker ignores
 * the file; deleting a topic takes its lines out.
 *
 * One process a group: `join()` locks one byte of `loglady.lock` for the life of the object, so a dead member's place is
 * free at once. The byte's number is 2^32 + the first 48 bits of the SHA-256 of the name; that two names meet is less
 * likely than one in 10^8 for a thousand groups, and would make them take turns, no more. Reading needs neither.
 */
export class GroupCheckpoint {
  readonly group: string
  readonly path: string
  readonly #directory: string
  readonly #file: string
  #membership: LockFile | undefined

  private constructor(directory: string, group: string) {
    this.group = group
    this.#directory = directory
    this.#file = groupCheckpointFileName(group)
    this.path = join(directory, this.#file)
  }

  /** Takes no lock and needs no file. InvalidArgumentError: the name is empty, not Unicode, or too long for a file's name. */
  static open(directory: string, group: string): GroupCheckpoint {
    return new GroupCheckpoint(directory, group)
  }

  /** All committed offsets, by `partitionKey`; empty before the first commit. CorruptFileError if the file is unreadable. */
  read(): PartitionOffsets {
    return readOffsetCheckpoint(this.path)
  }

  /** The next offset to deliver, or undefined if the group never committed one for this partition. */
  committed(topic: string, partition: number): number | undefined {
    return this.read().get(partitionKey(topic, partition))
  }

  /** Makes this process the group's member until `close()`. LockedError if another one is. */
  join(): void {
    if (this.#membership !== undefined) return
    const lock = LockFile.open(join(this.#directory, logladyLockFile))
    const range = groupLockRange(this.group)
    if (lock.tryLock(range, 'exclusive')) {
      this.#membership = lock
      return
    }
    const holder = lock.holder(range, 'exclusive')
    lock.close()
    throw new LockedError(`the group ${this.group} is in use${holder === undefined ? '' : ` by ${holder}`}`, {
      path: this.path,
      hint: 'one process reads for a group at a time; give this one another --group',
    })
  }

  /** Writes these offsets, durably; those of other partitions stay. Only for the member. */
  async commit(changes: OffsetChanges): Promise<void> {
    if (this.#membership === undefined) throw new Error('commit() before join()')
    await updateOffsetCheckpoint(this.#directory, this.#file, changes, { durable: true })
  }

  /** Leaves the group. */
  close(): void {
    this.#membership?.close()
    this.#membership = undefined
  }
}

export function groupLockRange(group: string): LockRange {
  const hash = createHash('sha256').update(group, 'utf8').digest()
  return { start: GROUP_LOCKS_START + hash.readUIntBE(0, GROUP_HASH_BYTES), length: 1 }
}

/** The names of all groups that ever committed in this directory, sorted. */
export function listGroups(directory: string): string[] {
  let names: string[]
  try {
    names = readdirSync(directory)
  } catch (cause) {
    throw new StorageError(`cannot list the directory: ${(cause as Error).message}`, { path: directory, cause })
  }
  return names.flatMap(name => parseGroupCheckpointFileName(name) ?? []).sort()
}

/**
 * Takes a deleted topic's lines out of every group; the caller holds the directory's lock. An unreadable file is left as it
 * is and told to `onUnreadable`: it holds no lines that anybody could follow.
 */
export function removeTopicFromGroups(
  directory: string,
  topic: string,
  onUnreadable: (error: CorruptFileError) => void,
): void {
  for (const group of listGroups(directory)) {
    try {
      const changesOf = (offsets: ReadonlyMap<string, number>) => linesOfTopic(offsets, topic)
      changeOffsetCheckpoint(directory, groupCheckpointFileName(group), changesOf, { durable: true })
    } catch (error) {
      if (!(error instanceof CorruptFileError)) throw error
      onUnreadable(error)
    }
  }
}
