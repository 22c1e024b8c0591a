import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { DataDirectory } from '../data-directory.ts'
import { InvalidArgumentError, NotFoundError } from '../errors.ts'
import {
  cleanShutdownFile,
  directoryLockFile,
  logFileName,
  metaPropertiesFile,
  parsePartitionFolderName,
  parseSegmentFileName,
  recoveryPointCheckpointFile,
  topicsFile,
} from '../file/names.ts'
import {
  type DirectoryFacts,
  directoryFacts,
  listFolder,
  partitionContext,
  type SegmentContext,
  segmentContexts,
} from './inspect-context.ts'

/** The segments that a path stands for: one (by any of its files), those of a partition's folder, those of a data directory. */
export function reindexTargets(path: string): SegmentContext[] {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) throw new NotFoundError('no such file or folder', { path })
  if (!found.isDirectory()) return [segmentOf(path)]
  const names = listFolder(path)
  if (names.some(name => parseSegmentFileName(name)?.kind === 'log')) return segmentsOf(path)
  const facts = directoryFacts(path)
  return partitionFolders(path).flatMap(({ name }) => segmentsOf(join(path, name), facts))
}

/** Throws NotFoundError. */
export function reindexTopicTargets(directory: string, topic: string, partition?: number): SegmentContext[] {
  const folders = partitionFolders(directory)
    .filter(folder => folder.topic === topic && (partition === undefined || folder.partition === partition))
    .sort((a, b) => a.partition - b.partition)
  if (folders.length === 0) {
    const name = partition === undefined ? topic : `${topic}/${partition}`
    throw new NotFoundError(`neither a file nor a topic: ${name}`, { path: directory })
  }
  const facts = directoryFacts(directory)
  return folders.flatMap(({ name }) => segmentsOf(join(directory, name), facts))
}

function partitionFolders(directory: string): { name: string; topic: string; partition: number }[] {
  return listFolder(directory)
    .sort()
    .flatMap(name => {
      const parsed = parsePartitionFolderName(name)
      return parsed === undefined || parsed.state !== undefined ? [] : [{ name, ...parsed }]
    })
}

/** A `.log.swap` waits for its broker or the next writer, and its indexes with it. */
function segmentsOf(folder: string, facts?: DirectoryFacts): SegmentContext[] {
  return segmentContexts(partitionContext(folder, facts)).filter(isInPlace)
}

function isInPlace({ logPath, baseOffset }: SegmentContext): boolean {
  return basename(logPath) === logFileName(baseOffset)
}

function segmentOf(path: string): SegmentContext {
  const parsed = parseSegmentFileName(basename(path))
  const segment =
    parsed?.state === ''
      ? segmentsOf(dirname(path)).find(({ baseOffset }) => baseOffset === parsed.baseOffset)
      : undefined
  if (segment !== undefined) return segment
  throw new InvalidArgumentError('not a segment of the log in its folder', {
    path,
    hint: 'give the .log file of a segment, a folder, or a topic',
  })
}

/**
 * Goes with every reindex that writes: the data directories around the segments are locked shared, as by any writer, so
 * none belongs to a running broker. Throws LockedError.
 */
export class WriteGuard {
  readonly #directories: DataDirectory[] = []

  static take(segments: readonly SegmentContext[]): WriteGuard {
    const guard = new WriteGuard()
    const paths = new Set(segments.flatMap(({ partition }) => partition?.directory ?? []).map(path => resolve(path)))
    try {
      for (const path of paths) if (isDataDirectory(path)) guard.#lock(path)
    } catch (error) {
      guard.release()
      throw error
    }
    return guard
  }

  #lock(path: string): void {
    const directory = DataDirectory.open(path)
    this.#directories.push(directory)
    directory.lockShared()
  }

  release(): void {
    for (const directory of this.#directories) directory.close()
  }
}

/** A folder called like a partition may lie anywhere; no lock file is left where no log directory is. */
function isDataDirectory(path: string): boolean {
  const marks = [metaPropertiesFile, topicsFile, recoveryPointCheckpointFile, directoryLockFile, cleanShutdownFile]
  return marks.some(name => existsSync(join(path, name)))
}
