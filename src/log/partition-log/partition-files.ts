import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CorruptFileError, NotFoundError, StorageError } from '../errors.ts'
import { readLeaderEpochs } from '../file/leader-epoch-checkpoint.ts'
import { resolveLoadOrder } from '../file/load-order.ts'
import {
  leaderEpochCheckpointFile,
  logStartOffsetCheckpointFile,
  partitionFolderName,
  partitionMetadataFile,
  recoveryPointCheckpointFile,
} from '../file/names.ts'
import { partitionKey, readOffsetCheckpoint } from '../file/offset-checkpoint.ts'
import { readPartitionMetadata } from '../file/partition-metadata.ts'
import { readTopicsFile } from '../file/topics-file.ts'
import type { OrderRules } from '../segment/batch-order.ts'
import { BatchScanner } from '../segment/batch-scanner.ts'
import { closeQuietly, openSegmentFile, type SegmentFiles, segmentFiles } from '../segment/segment-files.ts'

/** A partition's folder as a broker or a writer would load it, without having touched anything. */
export interface Listing {
  segments: SegmentFiles[]
  /** What a writer has to do on disk before it is so: left over from a broker that was killed in mid-compaction. */
  remove: string[]
  rename: [from: string, to: string][]
}

/** Where one partition lives and what holds for its files; shared by its readers and its writer. */
export class PartitionFiles {
  readonly directory: string
  readonly topic: string
  readonly partition: number
  readonly folder: string
  /** True if nobody but loglady has written here: then offsets have no gaps and leader epochs are known. */
  readonly isOwned: boolean
  #rules: OrderRules | undefined

  constructor(directory: string, topic: string, partition: number, isOwned: boolean) {
    this.directory = directory
    this.topic = topic
    this.partition = partition
    this.folder = join(directory, partitionFolderName(topic, partition))
    this.isOwned = isOwned
  }

  get rules(): OrderRules {
    this.#rules ??= { dense: this.isOwned, ...(this.isOwned && { epochAt: this.#epochs() }) }
    return this.#rules
  }

  #epochs(): (offset: number) => number | undefined {
    const entries = readLeaderEpochs(join(this.folder, leaderEpochCheckpointFile)) ?? []
    return offset => entries.findLast(entry => entry.startOffset <= offset)?.epoch
  }

  /** Tells this topic from one of the same name that was made after it was deleted; undefined if the folder does not say. */
  topicId(): string | undefined {
    try {
      return readPartitionMetadata(join(this.folder, partitionMetadataFile))
    } catch (error) {
      if (error instanceof CorruptFileError) return undefined
      throw error
    }
  }

  /** Fresh from the disk, in offset order. Throws NotFoundError when the folder is gone; one that is still to be made is empty. */
  list(): Listing {
    const order = resolveLoadOrder(this.#names(), name => this.#nextOffsetOf(join(this.folder, name)))
    return {
      segments: order.segments.map(names => segmentFiles(this.folder, names)),
      remove: order.remove,
      rename: order.rename,
    }
  }

  #names(): string[] {
    try {
      return readdirSync(this.folder)
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException
      if (code === 'ENOENT') {
        if (this.#isToBeMade()) return []
        throw new NotFoundError(`partition ${this.partition} of topic ${this.topic} does not exist`, {
          path: this.folder,
          cause,
        })
      }
      throw new StorageError(`cannot list: ${message}`, { path: this.folder, cause })
    }
  }

  /**
   * A topic exists, with all its partitions, once its entry is written; folders follow, and after a crash they wait for the next
   * writer. A partition with a recovery point had a folder once: that one is lost.
   */
  #isToBeMade(): boolean {
    const partitions = readTopicsFile(this.directory)?.get(this.topic)?.partitions ?? 0
    return this.partition < partitions && this.recoveryPointCheckpoint() === 0
  }

  #nextOffsetOf(logPath: string): number {
    const fd = openSegmentFile(logPath, 'r')
    try {
      const scanner = new BatchScanner(fd, logPath, 0)
      let nextOffset = 0
      while (scanner.next() === 'batch') nextOffset = scanner.header.nextOffset
      return nextOffset
    } finally {
      closeQuietly(fd)
    }
  }

  /**
   * Everything below was synced and checked. Besides the checkpoint, a segment that is not empty proves it for all
   * segments before it (protocol.md, Roll), so a checkpoint that is lost or old does no harm.
   */
  recoveryPoint(segments: readonly SegmentFiles[]): number {
    const fromCheckpoint = this.#checkpoint(recoveryPointCheckpointFile) ?? 0
    for (let i = segments.length - 1; i > 0; i--) {
      if (sizeOf(segments[i]!.logPath) > 0) return Math.max(fromCheckpoint, segments[i]!.baseOffset)
    }
    return fromCheckpoint
  }

  /** The checkpoint alone. */
  recoveryPointCheckpoint(): number {
    return this.#checkpoint(recoveryPointCheckpointFile) ?? 0
  }

  /** The first offset that may be read. */
  logStartOffset(segments: readonly SegmentFiles[]): number {
    return Math.max(this.#checkpoint(logStartOffsetCheckpointFile) ?? 0, segments[0]?.baseOffset ?? 0)
  }

  #checkpoint(name: string): number | undefined {
    try {
      return readOffsetCheckpoint(join(this.directory, name)).get(partitionKey(this.topic, this.partition))
    } catch (error) {
      // As for a broker: an unreadable one is empty. The scan gets longer, and nothing is lost.
      if (error instanceof CorruptFileError) return undefined
      throw error
    }
  }
}

/** 0 for a file that is gone. */
export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
