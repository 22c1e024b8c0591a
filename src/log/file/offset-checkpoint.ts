import { join } from 'node:path'
import { CorruptFileError } from '../errors.ts'
import { type EntryShape, formatCheckpoint, parseCheckpoint, parseWholeNumber, readCheckpoint } from './checkpoint.ts'
import { type OnWait, withDirectoryLock } from './directory-lock.ts'
import { type DurableOptions, replaceFile } from './durable.ts'

const MAX_PARTITION = 2 ** 31 - 1

const shape: EntryShape<[key: string, offset: number]> = { words: '<topic> <partition> <offset>', parse: parseLine }

/** An offset of each partition, by `partitionKey`. */
export type PartitionOffsets = Map<string, number>

/** What becomes of the lines: a new offset, or undefined to take the line out. Other lines stay as they are. */
export type OffsetChanges = ReadonlyMap<string, number | undefined>

export interface UpdateOptions extends DurableOptions {
  /**
   * Called if the file is unreadable, which then counts as empty, as it does for a broker: right for recovery points, where
   * a missing line means a longer scan. Without it the CorruptFileError is thrown and nothing is written.
   */
  onUnreadable?: (error: CorruptFileError) => void
}

/** `topic partition`, which is how a line begins; topic names have no blanks. */
export function partitionKey(topic: string, partition: number): string {
  return `${topic} ${partition}`
}

export function parsePartitionKey(key: string): { topic: string; partition: number } {
  const blank = key.lastIndexOf(' ')
  return { topic: key.slice(0, blank), partition: Number(key.slice(blank + 1)) }
}

/**
 * A checkpoint of the data directory with one offset a partition, lines of `<topic> <partition> <offset>` in the shape of
 * `parseCheckpoint`: recovery-point-offset-checkpoint (up to where everything is synced), log-start-offset-checkpoint (only
 * partitions whose log starts above their first segment's base), replication-offset-checkpoint, cleaner-offset-checkpoint,
 * and the groups' `loglady-group-<name>.checkpoint`. "0\n1\norders 3 134\n": partition 3 of orders stands at 134.
 *
 * Shared by every process that writes in the directory, and by all its partitions: so a change is read, change, replace under
 * the directory's lock, and readers, who take none, see the old file or the new. For one partition listed twice the
 * last line holds, as in Kafka. A missing file has no lines. CorruptFileError if it is unreadable: what a broker then
 * takes for empty.
 */
export function readOffsetCheckpoint(path: string): PartitionOffsets {
  return new Map(readCheckpoint(path, shape) ?? [])
}

export function decodeOffsetCheckpoint(bytes: Buffer, path: string): PartitionOffsets {
  return new Map(parseCheckpoint(bytes, path, shape))
}

export function formatOffsetCheckpoint(offsets: ReadonlyMap<string, number>): string {
  return formatCheckpoint([...offsets].map(([key, offset]) => `${key} ${offset}`))
}

/** `changeOffsetCheckpoint` under the directory's lock. */
export async function updateOffsetCheckpoint(
  directory: string,
  file: string,
  changes: OffsetChanges,
  options: UpdateOptions,
  onWait?: OnWait,
): Promise<void> {
  await withDirectoryLock(directory, () => changeOffsetCheckpoint(directory, file, () => changes, options), onWait)
}

/**
 * Reads the file, asks for the changes, and replaces it if they change anything; the caller holds the directory's lock.
 * Kafka keeps its lines in no order; here new ones go to the end.
 */
export function changeOffsetCheckpoint(
  directory: string,
  file: string,
  changesOf: (offsets: ReadonlyMap<string, number>) => OffsetChanges,
  { durable, onUnreadable }: UpdateOptions,
): void {
  const path = join(directory, file)
  const { offsets, isReadable } = readForChange(path, onUnreadable)
  const before = formatOffsetCheckpoint(offsets)
  for (const [key, offset] of changesOf(offsets)) {
    if (offset === undefined) offsets.delete(key)
    else offsets.set(key, checkOffset(key, offset))
  }
  const after = formatOffsetCheckpoint(offsets)
  if (after !== before || !isReadable) replaceFile(path, after, { durable })
}

/** The changes that take out every line of a topic. */
export function linesOfTopic(offsets: ReadonlyMap<string, number>, topic: string): OffsetChanges {
  const keys = [...offsets.keys()].filter(key => parsePartitionKey(key).topic === topic)
  return new Map(keys.map(key => [key, undefined]))
}

function readForChange(
  path: string,
  onUnreadable: UpdateOptions['onUnreadable'],
): { offsets: PartitionOffsets; isReadable: boolean } {
  try {
    return { offsets: readOffsetCheckpoint(path), isReadable: true }
  } catch (error) {
    if (!(error instanceof CorruptFileError) || onUnreadable === undefined) throw error
    onUnreadable(error)
    return { offsets: new Map(), isReadable: false }
  }
}

function checkOffset(key: string, offset: number): number {
  if (!Number.isSafeInteger(offset) || offset < 0) throw new RangeError(`${offset} is no offset for ${key}`)
  // A key that would not read back would make the file unreadable for everybody.
  if (parseLine(`${key} ${offset}`)?.[0] !== key) throw new RangeError(`${JSON.stringify(key)} is no partition key`)
  return offset
}

function parseLine(line: string): [key: string, offset: number] | undefined {
  const [topic, partitionText, offsetText, ...rest] = line.split(/\s+/)
  const partition = parseWholeNumber(partitionText, MAX_PARTITION)
  const offset = parseWholeNumber(offsetText)
  if (!topic || partition === undefined || offset === undefined || rest.length > 0) return undefined
  return [partitionKey(topic, partition), offset]
}
