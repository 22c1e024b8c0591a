import { closeSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { InvalidArgumentError, NotFoundError, StorageError } from '../errors.ts'
import {
  cleanerOffsetCheckpointFile,
  cleanShutdownFile,
  leaderEpochCheckpointFile,
  logStartOffsetCheckpointFile,
  metaPropertiesFile,
  parseGroupCheckpointFileName,
  parsePartitionFolderName,
  parseSegmentFileName,
  partitionMetadataFile,
  recoveryPointCheckpointFile,
  replicationOffsetCheckpointFile,
  topicsFile,
  unsyncedMarkFile,
} from '../file/names.ts'
import { BatchHeader, RECORD_BATCH_OVERHEAD } from '../record/batch-header.ts'
import { readFully } from '../segment/read-fully.ts'
import { openSegmentFile } from '../segment/segment-files.ts'
import {
  type DirectoryFacts,
  directoryFacts,
  listFolder,
  partitionContext,
  type SegmentContext,
  segmentContext,
  segmentContexts,
} from './inspect-context.ts'
import type { SmallFileKind } from './inspect-report.ts'

/** One file to look at, with what its neighbours say about it. */
export type InspectTarget =
  | { kind: 'log'; path: string; context: SegmentContext }
  | { kind: 'index' | 'timeindex'; path: string }
  | { kind: SmallFileKind; path: string }

const smallFiles: Record<string, SmallFileKind> = {
  [recoveryPointCheckpointFile]: 'offset-checkpoint',
  [logStartOffsetCheckpointFile]: 'offset-checkpoint',
  [replicationOffsetCheckpointFile]: 'offset-checkpoint',
  [cleanerOffsetCheckpointFile]: 'offset-checkpoint',
  [leaderEpochCheckpointFile]: 'leader-epoch-checkpoint',
  [partitionMetadataFile]: 'partition.metadata',
  [metaPropertiesFile]: 'meta.properties',
  [topicsFile]: 'topics',
  [cleanShutdownFile]: 'clean-shutdown',
  [unsyncedMarkFile]: 'unsynced',
}

/** Also under another name than a segment's: `broken.log`, `0.index`. */
const endingPattern = /\.(log|index|timeindex|txnindex|snapshot)(?:\.(?:deleted|cleaned|swap))?$/
const batchCheckpointPattern = /^(?:bootstrap|\d{20}-\d{10})\.checkpoint$/

/**
 * The files that a path stands for: itself, those of a partition's folder (the segments that count, in offset order, their
 * indexes with them), or those of all partitions of a data directory. Throws NotFoundError, and InvalidArgumentError for what
 * is nothing of a log.
 */
export function inspectTargets(path: string): InspectTarget[] {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) throw new NotFoundError('no such file or folder', { path })
  if (!found.isDirectory()) return [fileTarget(path)]
  const names = listFolder(path)
  if (names.some(name => parseSegmentFileName(name) !== undefined)) return partitionTargets(path, names)
  const folders = names.filter(name => isLoadedPartition(path, name)).sort()
  if (folders.length === 0 && !names.includes(metaPropertiesFile) && !names.includes(topicsFile)) {
    throw new InvalidArgumentError('neither a partition nor a data directory', { path })
  }
  const own = names.filter(name => smallFileKind(name) !== undefined || batchCheckpointPattern.test(name)).sort()
  const facts = directoryFacts(path)
  return [
    ...own.map(name => fileTarget(join(path, name))),
    ...folders.flatMap(name => partitionTargets(join(path, name), listFolder(join(path, name)), facts)),
  ]
}

/** The files of a topic, of one partition where that is given. Throws NotFoundError. */
export function inspectTopicTargets(directory: string, topic: string, partition?: number): InspectTarget[] {
  if (statSync(directory, { throwIfNoEntry: false }) === undefined) {
    throw new NotFoundError('no such data directory', { path: directory })
  }
  const folders = listFolder(directory)
    .map(name => ({ name, parsed: parsePartitionFolderName(name) }))
    .filter(({ parsed }) => parsed?.topic === topic && parsed.state === undefined)
    .filter(({ parsed }) => partition === undefined || parsed!.partition === partition)
    .sort((a, b) => a.parsed!.partition - b.parsed!.partition)
  if (folders.length === 0) {
    const name = partition === undefined ? topic : `${topic}/${partition}`
    throw new NotFoundError(`neither a file nor a topic: ${name}`, { path: directory })
  }
  const facts = directoryFacts(directory)
  return folders.flatMap(({ name }) =>
    partitionTargets(join(directory, name), listFolder(join(directory, name)), facts),
  )
}

function isLoadedPartition(directory: string, name: string): boolean {
  const parsed = parsePartitionFolderName(name)
  // A folder on its way out may be half gone.
  return parsed !== undefined && parsed.state !== 'delete' && statSync(join(directory, name)).isDirectory()
}

function partitionTargets(folder: string, names: string[], facts?: DirectoryFacts): InspectTarget[] {
  const partition = partitionContext(folder, facts)
  const segments = segmentContexts(partition)
  const targets: InspectTarget[] = segments.map(context => ({ kind: 'log', path: context.logPath, context }))
  const counted = new Set(partition.order.segments.flatMap(({ log, index, timeindex }) => [log, index, timeindex]))
  for (const name of names.sort()) {
    const parsed = parseSegmentFileName(name)
    const path = join(folder, name)
    if (parsed === undefined) {
      if (smallFileKind(name) !== undefined || batchCheckpointPattern.test(name)) targets.push(fileTarget(path))
    } else if (parsed.state === '' && parsed.kind !== 'log' && !counted.has(name)) {
      targets.push({ kind: parsed.kind, path })
    }
  }
  return targets
}

function smallFileKind(name: string): SmallFileKind | undefined {
  return smallFiles[name] ?? (parseGroupCheckpointFileName(name) === undefined ? undefined : 'offset-checkpoint')
}

function fileTarget(path: string): InspectTarget {
  const name = basename(path)
  const small = smallFileKind(name)
  if (small !== undefined) return { kind: small, path }
  const ending = endingPattern.exec(name)?.[1]
  if (ending === 'log') return { kind: 'log', path, context: segmentContext(path) }
  if (ending !== undefined) return { kind: ending as 'index' | 'timeindex' | 'txnindex' | 'snapshot', path }
  // What a writer cut off and kept, snapshots of the cluster's metadata, copies under any name.
  if (batchCheckpointPattern.test(name) || beginsWithBatch(path)) {
    return { kind: 'log', path, context: { logPath: path, baseOffset: -1, place: 'alone' } }
  }
  if (name.endsWith('.checkpoint')) return { kind: 'offset-checkpoint', path }
  throw new InvalidArgumentError('not a file of a log', {
    path,
    hint: 'give a .log, .index, .timeindex, .txnindex, .snapshot, a checkpoint, or a folder',
  })
}

function beginsWithBatch(path: string): boolean {
  if (!statSync(path).isFile()) throw new StorageError('not a regular file', { path })
  const fd = openSegmentFile(path, 'r')
  try {
    const bytes = Buffer.alloc(RECORD_BATCH_OVERHEAD)
    const read = readFully(fd, path, bytes, 0, 0, bytes.length)
    const header = new BatchHeader()
    const check = header.read(bytes, 0, read)
    return header.sizeInBytes > 0 && (check === 'whole' || check === 'incomplete') && read >= bytes.length
  } finally {
    closeSync(fd)
  }
}
