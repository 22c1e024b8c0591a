import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { StorageError } from './errors.ts'
import { syncFolder, writeNewFile } from './file/durable.ts'
import { formatLeaderEpochs } from './file/leader-epoch-checkpoint.ts'
import {
  clusterMetadataTopic,
  deleteFolderName,
  indexFileName,
  leaderEpochCheckpointFile,
  logFileName,
  metaPropertiesFile,
  parsePartitionFolderName,
  partitionFolderName,
  partitionMetadataFile,
  timeIndexFileName,
} from './file/names.ts'
import { formatPartitionMetadata } from './file/partition-metadata.ts'
import { type TopicConfig, topicConfig } from './file/topic-config.ts'
import { readTopicsFile } from './file/topics-file.ts'

export interface TopicDescription {
  name: string
  /** 22 characters; undefined for a topic that only a broker's folders tell of. */
  id?: string
  /** Rising. Gaps are possible only in a directory that a broker made. */
  partitions: number[]
  /** What was set, Kafka's names and values as text. */
  overrides: ReadonlyMap<string, string>
  config: TopicConfig
  /** Nobody but loglady has written here, so offsets are dense and leader epochs known. */
  isOwned: boolean
}

/**
 * The topics of a data directory: what loglady-topics.json says, and the folders that it does not know of, which a broker made.
 * A folder on its way in or out (`-delete`, `-future`, `-stray`) is none.
 */
export function listTopics(directory: string): Map<string, TopicDescription> {
  const topics = new Map<string, TopicDescription>()
  // Once a broker has run here it may have compacted, and given its own leader epochs.
  const isOwned = !existsSync(join(directory, metaPropertiesFile))
  for (const [name, entry] of readTopicsFile(directory) ?? []) {
    const partitions = Array.from({ length: entry.partitions }, (_, i) => i)
    const config = topicConfig(entry.config)
    topics.set(name, { name, id: entry.id, partitions, overrides: entry.config, config, isOwned })
  }
  const known = new Set(topics.keys())
  for (const folder of readdirSync(directory)) {
    const parsed = parsePartitionFolderName(folder)
    if (parsed === undefined || parsed.state !== undefined) continue
    const { topic: name, partition } = parsed
    if (known.has(name) || name === clusterMetadataTopic) continue
    const found = topics.get(name)
    if (found !== undefined) found.partitions.push(partition)
    else {
      const overrides = new Map<string, string>()
      const config = topicConfig(overrides)
      topics.set(name, { name, partitions: [partition], overrides, config, isOwned: false })
    }
  }
  for (const topic of topics.values()) topic.partitions.sort((a, b) => a - b)
  return new Map([...topics].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/**
 * Makes the folders of a topic that are missing. Each is prepared under a name that a broker and the next writer clear, and
 * renamed when it is whole, so nobody ever sees half of one. Under the directory's lock.
 */
export function completeFolders(directory: string, topic: string, id: string, partitions: number): void {
  let hasMade = false
  for (let partition = 0; partition < partitions; partition++) {
    const folder = join(directory, partitionFolderName(topic, partition))
    if (existsSync(folder)) continue
    const prepared = join(directory, deleteFolderName(topic, partition, randomHex()))
    try {
      mkdirSync(prepared)
      writeNewFile(join(prepared, partitionMetadataFile), formatPartitionMetadata(id), { durable: true })
      const epochs = formatLeaderEpochs([{ epoch: 0, startOffset: 0 }])
      writeNewFile(join(prepared, leaderEpochCheckpointFile), epochs, { durable: true })
      for (const name of [indexFileName(0), timeIndexFileName(0), logFileName(0)]) {
        writeNewFile(join(prepared, name), '', { durable: false })
      }
      syncFolder(prepared)
      renameSync(prepared, folder)
    } catch (cause) {
      rmSync(prepared, { recursive: true, force: true })
      throw new StorageError(`cannot make partition ${partition}: ${(cause as Error).message}`, { path: folder, cause })
    }
    hasMade = true
  }
  if (hasMade) syncFolder(directory)
}

/** Takes a partition's folder out of sight by one rename; `removeDeletedFolders` frees the space. Under the directory's lock. */
export function renameForDeletion(directory: string, topic: string, partition: number): string {
  const from = join(directory, partitionFolderName(topic, partition))
  const to = join(directory, deleteFolderName(topic, partition, randomHex()))
  try {
    renameSync(from, to)
  } catch (cause) {
    throw new StorageError(`cannot delete: ${(cause as Error).message}`, { path: from, cause })
  }
  return to
}

/** What a crash left of topics that were being made or deleted, as a broker clears it too. Under the directory's lock. */
export function removeDeletedFolders(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (parsePartitionFolderName(name)?.state !== 'delete') continue
    rmSync(join(directory, name), { recursive: true, force: true })
  }
}

function randomHex(): string {
  return randomBytes(16).toString('hex')
}
