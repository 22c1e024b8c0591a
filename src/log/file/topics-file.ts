import { join } from 'node:path'
import { CorruptFileError, InvalidArgumentError } from '../errors.ts'
import { replaceFile } from './durable.ts'
import { checkTopicName, topicsFile } from './names.ts'
import { checkTopicId } from './partition-metadata.ts'
import { readWholeFile } from './whole-file.ts'

const VERSION = 1
/** Of one topic. A broker slows down long before; and a file that is damaged must not ask for memory without end. */
export const MAX_PARTITIONS = 100_000

export interface TopicEntry {
  /** 22 characters, as in each partition.metadata. */
  id: string
  /** Partitions 0 … partitions-1 exist; a folder that is missing is made by the next writer. */
  partitions: number
  /** What was set for this topic, Kafka's names and text values; everything else has its default. */
  config: ReadonlyMap<string, string>
}

/**
 * `loglady-topics.json` of the data directory: the topics that were made here, JSON.
 *
 * ```
 * {
 *   "version": 1,
 *   "topics": {
 *     "default": { "id": "ESIzRFVmd4iZqrvM3e7_AA", "partitions": 1, "config": { "segment.bytes": "1048576" } }
 *   }
 * }
 * ```
 *
 * It is the commit point of making, changing and deleting a topic: written first when one is made, and folders follow, so
 * a crash in between never changes which partition a key goes to. A directory that a broker made has no such file; there
 * the folders count, and a broker ignores the file in turn. Replaced durably under the directory's lock, read without.
 *
 * undefined if there is no such file. CorruptFileError if it is not what is said above; values of the configuration are
 * only checked to be text.
 */
export function readTopicsFile(directory: string): Map<string, TopicEntry> | undefined {
  const path = join(directory, topicsFile)
  const bytes = readWholeFile(path)
  return bytes === undefined ? undefined : parseTopicsFile(bytes, path)
}

/** Replaces the file durably; the caller holds the directory's lock and has read the file under it. */
export function writeTopicsFile(directory: string, topics: ReadonlyMap<string, TopicEntry>): void {
  replaceFile(join(directory, topicsFile), formatTopicsFile(topics), { durable: true })
}

export function formatTopicsFile(topics: ReadonlyMap<string, TopicEntry>): string {
  const entries = [...topics].sort(([a], [b]) => (a < b ? -1 : 1))
  const body = entries.map(([name, { id, partitions, config }]): [string, unknown] => [
    name,
    { id, partitions, config: Object.fromEntries([...config].sort(([a], [b]) => (a < b ? -1 : 1))) },
  ])
  return `${JSON.stringify({ version: VERSION, topics: Object.fromEntries(body) }, undefined, 2)}\n`
}

export function parseTopicsFile(bytes: Buffer, path: string): Map<string, TopicEntry> {
  let root: unknown
  try {
    root = JSON.parse(bytes.toString('utf8'))
  } catch (cause) {
    throw new CorruptFileError(`not valid JSON: ${(cause as Error).message}`, { path, cause })
  }
  if (!isObject(root)) throw malformed(path, 'the file', 'an object', root)
  if (root.version !== VERSION) {
    throw malformed(path, 'version', String(VERSION), root.version, 'a later loglady may have written it')
  }
  if (!isObject(root.topics)) throw malformed(path, 'topics', 'an object', root.topics)
  const topics = new Map<string, TopicEntry>()
  for (const [name, entry] of Object.entries(root.topics)) topics.set(name, parseEntry(name, entry, path))
  return topics
}

function parseEntry(name: string, entry: unknown, path: string): TopicEntry {
  const place = `topic ${JSON.stringify(name.slice(0, 60))}`
  refine(path, place, () => checkTopicName(name))
  if (!isObject(entry)) throw malformed(path, place, 'an object', entry)
  const { id, partitions, config } = entry
  if (typeof id !== 'string') throw malformed(path, `the id of ${place}`, '22 characters of base64url', id)
  refine(path, place, () => checkTopicId(id))
  if (!isPartitionCount(partitions)) {
    throw malformed(path, `the partitions of ${place}`, `a number from 1 to ${MAX_PARTITIONS}`, partitions)
  }
  if (!isObject(config)) throw malformed(path, `the config of ${place}`, 'an object', config)
  const values = new Map<string, string>()
  for (const [key, value] of Object.entries(config)) {
    if (typeof value !== 'string') throw malformed(path, `${key} of ${place}`, 'text', value)
    values.set(key, value)
  }
  return { id, partitions, config: values }
}

function isPartitionCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_PARTITIONS
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function refine(path: string, place: string, check: () => unknown): void {
  try {
    check()
  } catch (cause) {
    if (!(cause instanceof InvalidArgumentError)) throw cause
    throw new CorruptFileError(`${place}: ${cause.message}`, { path, cause })
  }
}

function malformed(path: string, what: string, expected: string, found: unknown, hint?: string): CorruptFileError {
  const text = found === undefined ? 'nothing' : JSON.stringify(found).slice(0, 60)
  return new CorruptFileError(`${what}: expected ${expected}, found ${text}`, {
    path,
    ...(hint === undefined ? {} : { hint }),
  })
}
