import { randomBytes } from 'node:crypto'
import { CorruptFileError, InvalidArgumentError } from '../errors.ts'
import { readWholeFile } from './whole-file.ts'

const VERSION = 0
const LIMIT = 64 * 1024
const TOPIC_ID_BYTES = 16
/** 16 bytes in base64 without padding. */
const TOPIC_ID_LENGTH = 22

/** Kafka's `Uuid.ZERO_UUID` ("no id") and `Uuid.ONE_UUID` (the topic of the cluster's own metadata). */
const reservedIds = new Set(['AAAAAAAAAAAAAAAAAAAAAA', 'AAAAAAAAAAAAAAAAAAAAAQ'])

/**
 * `partition.metadata` of a partition: the id of the topic that it belongs to. 43 bytes, the second line without an end:
 *
 * ```
 * version: 0\n
 * topic_id: ESIzRFVmd4iZqrvM3e7_AA        16 bytes 11223344-5566-7788-99aa-bbccddeeff00 as base64url without padding
 * ```
 *
 * A broker whose cluster does not know the id, or finds no such file, moves the folder aside as `-stray`; if the file is
 * unreadable it takes the whole directory offline. The id also tells a follower that a topic of the same name was made anew.
 * Written once, when the folder is made. undefined if there is no such file.
 */
export function readPartitionMetadata(path: string): string | undefined {
  const bytes = readWholeFile(path, LIMIT)
  return bytes === undefined ? undefined : parsePartitionMetadata(bytes, path)
}

/** The topic id. CorruptFileError: another version, a line that is not there, an id that is none. */
export function parsePartitionMetadata(bytes: Buffer, path: string): string {
  const lines = bytes.toString('latin1').split(/\r\n|\n|\r/)
  const version = fieldOf(lines[0], 'version')
  if (version !== String(VERSION)) throw malformed(path, `version: ${VERSION}`, lines[0])
  const id = fieldOf(lines[1], 'topic_id')
  const bytesOfId = id === undefined ? undefined : decodeTopicId(id)
  if (bytesOfId === undefined) throw malformed(path, 'topic_id: and 22 characters of base64url', lines[1])
  return topicIdFromBytes(bytesOfId)
}

export function formatPartitionMetadata(topicId: string): string {
  return `version: ${VERSION}\ntopic_id: ${checkTopicId(topicId)}`
}

/** 128 random bits, never a reserved id, never with '-' in front, which Kafka's tools would take for an option. */
export function randomTopicId(random: (size: number) => Buffer = randomBytes): string {
  for (;;) {
    const id = topicIdFromBytes(random(TOPIC_ID_BYTES))
    if (!id.startsWith('-') && !reservedIds.has(id)) return id
  }
}

/** Throws InvalidArgumentError unless the text is the id of a topic. */
export function checkTopicId(id: string): string {
  if (decodeTopicId(id) === undefined) throw new InvalidArgumentError(`${JSON.stringify(id)} is no topic id`)
  return id
}

export function topicIdFromBytes(bytes: Buffer): string {
  return bytes.toString('base64url')
}

export function topicIdToBytes(id: string): Buffer {
  return decodeTopicId(checkTopicId(id))!
}

function decodeTopicId(id: string): Buffer | undefined {
  // Node's decoder skips what is no base64, Java's throws.
  if (id.length !== TOPIC_ID_LENGTH || !/^[A-Za-z0-9_-]+$/.test(id)) return undefined
  const bytes = Buffer.from(id, 'base64url')
  return reservedIds.has(topicIdFromBytes(bytes)) ? undefined : bytes
}

function fieldOf(line: string | undefined, name: string): string | undefined {
  const match = line === undefined ? null : /^(\w+):\s+(\S+)$/.exec(line)
  return match !== null && match[1] === name ? match[2] : undefined
}

function malformed(path: string, expected: string, found: string | undefined): CorruptFileError {
  const text = found === undefined ? 'the end of the file' : JSON.stringify(found.slice(0, 60))
  return new CorruptFileError(`malformed line, expected ${expected}, found ${text}`, { path })
}
