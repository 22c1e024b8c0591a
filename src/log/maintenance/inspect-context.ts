import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { CorruptFileError, InvalidArgumentError, NotFoundError, StorageError } from '../errors.ts'
import { type LoadOrder, resolveLoadOrder } from '../file/load-order.ts'
import {
  cleanerOffsetCheckpointFile,
  parsePartitionFolderName,
  parseSegmentFileName,
  recoveryPointCheckpointFile,
  type SegmentFileKind,
} from '../file/names.ts'
import { partitionKey, readOffsetCheckpoint } from '../file/offset-checkpoint.ts'
import { topicConfig } from '../file/topic-config.ts'
import { BatchScanner } from '../segment/batch-scanner.ts'
import { closeQuietly, openSegmentFile } from '../segment/segment-files.ts'
import { listTopics, type TopicDescription } from '../topics.ts'

/** What a partition's folder, and the data directory around it, say about the segments in it. */
export interface PartitionContext {
  folder: string
  /** Undefined if the folder is not called `<topic>-<partition>`. */
  topic?: string
  partition?: number
  directory?: string
  order: LoadOrder
  /** Below it everything was synced, so nothing may be missing; 0 if nobody says so. */
  recoveryPoint: number
  /** Compaction never went over this log, so an offset that no batch has is a lost one. */
  isDense: boolean
  /** Of the topic, or Kafka's default. */
  indexIntervalBytes: number
}

const { indexIntervalBytes: defaultIntervalBytes } = topicConfig(new Map())

/** One `.log` file among its neighbours. */
export interface SegmentContext {
  logPath: string
  /** -1 if the name says none. */
  baseOffset: number
  nextBaseOffset?: number
  /**
   * `newest`: the next write goes here. `rolled`: another one follows. `alone`: no part of a log at present, or nobody can tell
   * (a name of its own, `.deleted`, a copy without neighbours).
   */
  place: 'newest' | 'rolled' | 'alone'
  indexPath?: string
  timeIndexPath?: string
  partition?: PartitionContext
}

/** What a data directory says about all its partitions; read once for many of them. */
export interface DirectoryFacts {
  topics: ReadonlyMap<string, TopicDescription>
  recoveryPoints: ReadonlyMap<string, number>
  /** The partitions that the broker's cleaner has gone over; undefined if no cleaner was ever here. */
  cleaned: ReadonlyMap<string, number> | undefined
}

export function directoryFacts(directory: string): DirectoryFacts {
  const cleanerPath = join(directory, cleanerOffsetCheckpointFile)
  return {
    topics: topicsOrNone(directory),
    recoveryPoints: checkpointOrNothing(join(directory, recoveryPointCheckpointFile)) ?? new Map(),
    cleaned: existsSync(cleanerPath) ? checkpointOrNothing(cleanerPath) : undefined,
  }
}

/** Reads the listing, and of the segments only `.swap` logs. Throws NotFoundError. */
export function partitionContext(folder: string, facts?: DirectoryFacts): PartitionContext {
  const path = resolve(folder)
  const order = resolveLoadOrder(listFolder(path), name => nextOffsetOf(join(path, name)))
  const name = parsePartitionFolderName(basename(path))
  if (name === undefined || name.state !== undefined) {
    return { folder, order, recoveryPoint: 0, isDense: false, indexIntervalBytes: defaultIntervalBytes }
  }
  const directory = dirname(path)
  const key = partitionKey(name.topic, name.partition)
  const { topics, recoveryPoints, cleaned } = facts ?? directoryFacts(directory)
  const topic = topics.get(name.topic)
  return {
    folder,
    topic: name.topic,
    partition: name.partition,
    directory,
    order,
    recoveryPoint: recoveryPoints.get(key) ?? 0,
    // A topic that loglady alone wrote says by its configuration whether it may be compacted.
    isDense: topic?.isOwned ? !topic.config.cleanupPolicyCompact : cleaned?.has(key) === false,
    indexIntervalBytes: topic?.config.indexIntervalBytes ?? defaultIntervalBytes,
  }
}

export function listFolder(path: string): string[] {
  try {
    return readdirSync(path)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new NotFoundError('no such folder', { path, cause })
    throw new StorageError(`cannot list: ${message}`, { path, cause })
  }
}

/** The segments of the folder as they count, in offset order. */
export function segmentContexts(partition: PartitionContext): SegmentContext[] {
  const { folder, order } = partition
  return order.segments.map((segment, i): SegmentContext => {
    const next = order.segments[i + 1]
    return {
      logPath: join(folder, segment.log),
      baseOffset: segment.baseOffset,
      place: next === undefined ? 'newest' : 'rolled',
      ...(next !== undefined && { nextBaseOffset: next.baseOffset }),
      ...(segment.index !== undefined && { indexPath: join(folder, segment.index) }),
      ...(segment.timeindex !== undefined && { timeIndexPath: join(folder, segment.timeindex) }),
      partition,
    }
  })
}

/** For one file that was named. */
export function segmentContext(logPath: string): SegmentContext {
  const folder = dirname(logPath)
  const name = basename(logPath)
  const parsed = parseSegmentFileName(name)
  // Also what a writer cut off and kept (`<base>.log.<byte>.cut`): it begins somewhere in the segment.
  if (parsed === undefined) return { logPath, baseOffset: -1, place: 'alone' }
  const partition = partitionContext(folder)
  const known = segmentContexts(partition).find(segment => basename(segment.logPath) === name)
  if (known !== undefined)
    return { ...known, ...(partition.order.segments.length === 1 && aloneUnlessNamed(partition)) }
  const indexPath = siblingPath(logPath, 'index')
  const timeIndexPath = siblingPath(logPath, 'timeindex')
  const names = listFolder(folder)
  return {
    logPath,
    baseOffset: parsed.baseOffset,
    place: 'alone',
    ...(names.includes(basename(indexPath)) && { indexPath }),
    ...(names.includes(basename(timeIndexPath)) && { timeIndexPath }),
  }
}

/** A single segment in a folder with a name of its own is more likely a copy than a whole log. */
function aloneUnlessNamed({ topic }: PartitionContext): { place: 'newest' | 'alone' } {
  return { place: topic === undefined ? 'alone' : 'newest' }
}

/** `<base>.log.swap` → `<base>.index.swap`. */
export function siblingPath(path: string, kind: SegmentFileKind): string {
  return join(dirname(path), basename(path).replace(/^(\d{20})\.[a-z]+/, `$1.${kind}`))
}

function nextOffsetOf(logPath: string): number {
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

function topicsOrNone(directory: string): ReadonlyMap<string, TopicDescription> {
  try {
    return listTopics(directory)
  } catch (error) {
    if (error instanceof CorruptFileError || error instanceof InvalidArgumentError) return new Map()
    throw error
  }
}

/** An unreadable checkpoint is a finding of its own, where it is looked at. */
function checkpointOrNothing(path: string): ReadonlyMap<string, number> | undefined {
  try {
    return readOffsetCheckpoint(path)
  } catch (error) {
    if (error instanceof CorruptFileError) return undefined
    throw error
  }
}
