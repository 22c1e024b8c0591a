/**
 * Every file and folder name of a data directory, made and parsed here alone.
 *
 * ```
 * <dir>/                             a Kafka log directory
 *   .lock .kafka_cleanshutdown meta.properties *-offset-checkpoint     Kafka's own
 *   loglady.lock loglady-topics.json loglady-group-<name>.checkpoint   ours: plain files, which a broker leaves alone
 *   <topic>-<partition>/
 *     00000000000000000000.log .index .timeindex .txnindex .snapshot   20 digits: the offset, zero-padded
 *     leader-epoch-checkpoint partition.metadata                       Kafka's
 *     .lock unsynced <base>.log.<byte>.cut                             ours
 * ```
 *
 * Two rules keep a broker alive beside us (Kafka's LogManager and LogFileUtils): it refuses to start on any other *folder*
 * in the data directory, and on any file in a partition's folder that ends in `.log`, `.index`, `.timeindex`, `.txnindex`
 * or `.snapshot` without a number in front; and it removes or renames whatever ends in `.deleted`, `.cleaned` or `.swap`.
 */
import { InvalidArgumentError, NumberTooLargeError } from '../errors.ts'

// Files of the data directory: Kafka's.
export const directoryLockFile = '.lock'
export const cleanShutdownFile = '.kafka_cleanshutdown'
export const metaPropertiesFile = 'meta.properties'
export const recoveryPointCheckpointFile = 'recovery-point-offset-checkpoint'
export const logStartOffsetCheckpointFile = 'log-start-offset-checkpoint'
export const replicationOffsetCheckpointFile = 'replication-offset-checkpoint'
export const cleanerOffsetCheckpointFile = 'cleaner-offset-checkpoint'

// Files of the data directory: ours.
export const logladyLockFile = 'loglady.lock'
export const topicsFile = 'loglady-topics.json'

// Files of a partition's folder: Kafka's but for the last two.
export const leaderEpochCheckpointFile = 'leader-epoch-checkpoint'
export const partitionMetadataFile = 'partition.metadata'
export const partitionLockFile = '.lock'
export const unsyncedMarkFile = 'unsynced'

/** What `replaceFile` writes before it renames; Kafka's suffix too, so that either side clears what a crash left. */
export const temporarySuffix = '.tmp'

const offsetDigits = 20

export const segmentFileKinds = ['log', 'index', 'timeindex', 'txnindex', 'snapshot'] as const
export type SegmentFileKind = (typeof segmentFileKinds)[number]
/** '' = in use; deleted = will be removed; cleaned = compaction at work; swap = compaction done, not yet in place. */
export type SegmentFileState = '' | 'deleted' | 'cleaned' | 'swap'

export interface SegmentFileName {
  baseOffset: number
  kind: SegmentFileKind
  state: SegmentFileState
}

function segmentFileName(offset: number, kind: SegmentFileKind): string {
  return `${String(offset).padStart(offsetDigits, '0')}.${kind}`
}

export function logFileName(baseOffset: number): string {
  return segmentFileName(baseOffset, 'log')
}

export function indexFileName(baseOffset: number): string {
  return segmentFileName(baseOffset, 'index')
}

export function timeIndexFileName(baseOffset: number): string {
  return segmentFileName(baseOffset, 'timeindex')
}

export function transactionIndexFileName(baseOffset: number): string {
  return segmentFileName(baseOffset, 'txnindex')
}

/** The state of the producers up to, not including, `offset`, which need not be the base of a segment. */
export function snapshotFileName(offset: number): string {
  return segmentFileName(offset, 'snapshot')
}

/** What a writer keeps of the bytes that it cut at `position` of a log: neither a segment's name nor one that Kafka clears. */
export function cutFileName(baseOffset: number, position: number): string {
  return `${logFileName(baseOffset)}.${position}.cut`
}

const segmentFilePattern = /^(\d{20})\.(log|index|timeindex|txnindex|snapshot)(?:\.(deleted|cleaned|swap))?$/

/**
 * undefined: no file of a segment. Only 20 digits count: Kafka ignores the data of a `0.log` and opens the padded name.
 * Throws NumberTooLargeError for an offset of 2^53 or more.
 */
export function parseSegmentFileName(name: string): SegmentFileName | undefined {
  const match = segmentFilePattern.exec(name)
  if (match === null) return undefined
  const baseOffset = Number(match[1])
  if (!Number.isSafeInteger(baseOffset)) {
    throw new NumberTooLargeError(`the offset in the file name ${name} is too large, expected less than 2^53`)
  }
  return { baseOffset, kind: match[2] as SegmentFileKind, state: (match[3] ?? '') as SegmentFileState }
}

export type PartitionFolderState = 'delete' | 'future' | 'stray'

export interface PartitionFolderName {
  topic: string
  partition: number
  /** Set for `<topic>-<partition>.<32 hex>-<state>`: a folder that is on its way in or out, never one to read. */
  state?: PartitionFolderState
}

export function partitionFolderName(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

/**
 * `<topic>-<partition>.<id>-delete`: a folder that is being made or removed; a broker and a writer clear it. Kafka keeps
 * folder names at 255 bytes by cutting the topic's name (`LogManager.logDeleteDirName`), and so do we.
 */
export function deleteFolderName(topic: string, partition: number, hexId: string): string {
  const suffix = `-${partition}.${hexId}-delete`
  return `${topic.slice(0, maxFileNameBytes - suffix.length)}${suffix}`
}

const maxFileNameBytes = 255
const folderPattern = /^(.+)-(\d+)$/
const movingFolderPattern = /^(.+)-(\d+)\.([^.-]+)-(delete|future|stray)$/

/** The partition is the digits behind the last '-'. undefined: no partition's folder. */
export function parsePartitionFolderName(name: string): PartitionFolderName | undefined {
  const moving = movingFolderPattern.exec(name)
  const match = moving ?? folderPattern.exec(name)
  if (match === null) return undefined
  const topic = match[1]!
  const partition = Number(match[2])
  // Kafka's partition numbers are int32; of `t-07` it would make a second folder of partition 7.
  if (partition > maxInt32 || String(partition) !== match[2] || topicNameFault(topic) !== undefined) return undefined
  return moving === null ? { topic, partition } : { topic, partition, state: moving[4] as PartitionFolderState }
}

const maxInt32 = 2 ** 31 - 1

/** `__cluster_metadata-0`: the log of a controller, not a topic's. */
export const clusterMetadataTopic = '__cluster_metadata'

export const maxTopicNameLength = 249

/** Throws InvalidArgumentError unless Kafka takes the name (`Topic.validate`). */
export function checkTopicName(name: string): void {
  const fault = topicNameFault(name)
  if (fault !== undefined) throw new InvalidArgumentError(fault)
}

function topicNameFault(name: string): string | undefined {
  if (name === '') return 'the topic name is empty'
  if (name === '.' || name === '..') return `the topic name must not be '${name}'`
  if (name.length > maxTopicNameLength) {
    return `the topic name is ${name.length} characters long, at most ${maxTopicNameLength} are allowed`
  }
  const stranger = /[^a-zA-Z0-9._-]/u.exec(name)
  if (stranger !== null) {
    return `the topic name ${JSON.stringify(name)} has ${JSON.stringify(stranger[0])} in it, allowed are a-z A-Z 0-9 . _ -`
  }
  return undefined
}

/**
 * The rules for a topic that is to be made: those of every name, no name of Kafka's own (`__…`), and none that a broker
 * refuses beside an existing one because their metrics' names, in which '.' becomes '_', would be the same.
 */
export function checkNewTopicName(name: string, existing: Iterable<string>): void {
  checkTopicName(name)
  if (name.startsWith('__')) {
    throw new InvalidArgumentError(`topic names that begin with '__' are Kafka's own: ${name}`)
  }
  const folded = name.replaceAll('.', '_')
  for (const other of existing) {
    if (other !== name && other.replaceAll('.', '_') === folded) {
      throw new InvalidArgumentError(`the topic ${name} differs from ${other} only in '.' and '_'`, {
        hint: 'a broker refuses such a pair; choose another name',
      })
    }
  }
}

const groupPrefix = 'loglady-group-'
const groupSuffix = '.checkpoint'
const maxEncodedGroupLength = 200

/**
 * `loglady-group-<name>.checkpoint`, the bytes of the name's UTF-8 outside [A-Za-z0-9._-] as %XX. Throws InvalidArgumentError
 * for an empty name, one with half a surrogate pair, and one whose encoded form is longer than 200 characters.
 */
export function groupCheckpointFileName(group: string): string {
  if (group === '') throw new InvalidArgumentError('the group name is empty')
  if (!group.isWellFormed()) throw new InvalidArgumentError('the group name is not valid Unicode')
  let encoded = ''
  for (const byte of Buffer.from(group, 'utf8')) {
    const character = String.fromCharCode(byte)
    encoded += /[A-Za-z0-9._-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  if (encoded.length > maxEncodedGroupLength) {
    throw new InvalidArgumentError(
      `the group name takes ${encoded.length} characters in a file name, at most ${maxEncodedGroupLength} are allowed`,
    )
  }
  return `${groupPrefix}${encoded}${groupSuffix}`
}

/** The group of a checkpoint's file name; undefined: not a name that `groupCheckpointFileName` makes. */
export function parseGroupCheckpointFileName(name: string): string | undefined {
  if (!name.startsWith(groupPrefix) || !name.endsWith(groupSuffix)) return undefined
  const encoded = name.slice(groupPrefix.length, name.length - groupSuffix.length)
  if (!/^(?:[A-Za-z0-9._-]|%[0-9A-F]{2})+$/.test(encoded)) return undefined
  const bytes = Buffer.from(
    encoded.replace(/%([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
  const group = bytes.toString('utf8')
  // One name for one group: `%41` for A and bytes that are no UTF-8 would each be a second file of a group, or of none.
  return encoded.length <= maxEncodedGroupLength && groupCheckpointFileName(group) === name ? group : undefined
}
