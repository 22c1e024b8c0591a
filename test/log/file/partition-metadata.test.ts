import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import {
  checkTopicId,
  formatPartitionMetadata,
  parsePartitionMetadata,
  randomTopicId,
  readPartitionMetadata,
  topicIdFromBytes,
  topicIdToBytes,
} from '../../../src/log/file/partition-metadata.ts'
import { fixtureFolder } from '../../helpers/golden.ts'
import { goldenFiles, goldenName } from '../../helpers/golden-files.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

function parse(text: string): string {
  return parsePartitionMetadata(Buffer.from(text), 'x/partition.metadata')
}

test('every golden partition.metadata reads and is written back to the same bytes', () => {
  const ids = new Map<string, string>()
  for (const path of goldenFiles('partition.metadata')) {
    const id = readPartitionMetadata(path)!
    expect(formatPartitionMetadata(id), goldenName(path)).toBe(readFileSync(path, 'latin1'))
    // All partitions of a topic carry its id.
    const topic = dirname(path).replace(/-\d+$/, '')
    expect(ids.get(topic) ?? id).toBe(id)
    ids.set(topic, id)
  }
  expect(ids.size).toBeGreaterThan(20)
})

test('the id of golden-0 is the one of the class comment', () => {
  const id = readPartitionMetadata(join(fixtureFolder, 'golden-0/partition.metadata'))!
  expect(id).toBe('ESIzRFVmd4iZqrvM3e7_AA')
  expect(topicIdToBytes(id).toString('hex')).toBe('112233445566778899aabbccddeeff00')
  expect(topicIdFromBytes(topicIdToBytes(id))).toBe(id)
  expect(formatPartitionMetadata(id)).toHaveLength(43)
})

test('a missing file is undefined', () => {
  expect(readPartitionMetadata(join(temporaryFolder(), 'partition.metadata'))).toBeUndefined()
})

test('line ends at the end, CRLF and further lines do not matter, as they do not to Kafka', () => {
  for (const end of ['', '\n', '\r\n', '\nmore: here\n']) {
    expect(parse(`version: 0\r\ntopic_id:  ESIzRFVmd4iZqrvM3e7_AA${end}`)).toBe('ESIzRFVmd4iZqrvM3e7_AA')
  }
})

test.each([
  ['', 'expected version: 0, found ""'],
  ['version: 1\ntopic_id: ESIzRFVmd4iZqrvM3e7_AA', 'expected version: 0, found "version: 1"'],
  ['version:0\ntopic_id: ESIzRFVmd4iZqrvM3e7_AA', 'expected version: 0, found "version:0"'],
  ['version: 0', 'found the end of the file'],
  ['version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA', 'found "topic_id: AAAAAAAAAAAAAAAAAAAAAA"'],
  ['version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ', 'found "topic_id: AAAAAAAAAAAAAAAAAAAAAQ"'],
  ['version: 0\ntopic_id: ESIzRFVmd4iZqrvM3e7_A', 'found "topic_id: ESIzRFVmd4iZqrvM3e7_A"'],
  ['version: 0\ntopic_id: ESIzRFVmd4iZqrvM3e7/AA', 'found "topic_id: ESIzRFVmd4iZqrvM3e7/AA"'],
  ['version: 0\nid: ESIzRFVmd4iZqrvM3e7_AA', 'found "id: ESIzRFVmd4iZqrvM3e7_AA"'],
])('%j is corrupt', (text, message) => {
  expect(() => parse(text)).toThrowError(
    expect.objectContaining({
      code: 'LOGLADY_CORRUPT_FILE',
      path: 'x/partition.metadata',
      message: expect.stringContaining(message),
    }),
  )
})

test('a partition.metadata cut at any byte is corrupt', () => {
  const path = join(temporaryFolder(), 'partition.metadata')
  const text = 'version: 0\ntopic_id: ESIzRFVmd4iZqrvM3e7_AA'
  for (let size = 0; size < text.length; size++) {
    writeFileSync(path, text.slice(0, size))
    expect(() => readPartitionMetadata(path)).toThrowError(expect.objectContaining({ path }))
  }
})

test('random ids are 22 characters, all different, and never begin with a dash', () => {
  const ids = Array.from({ length: 2000 }, () => randomTopicId())
  expect(new Set(ids).size).toBe(2000)
  for (const id of ids) expect(checkTopicId(id)).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/)
})

test('reserved ids and those with a dash in front are drawn again', () => {
  const draws = ['00'.repeat(16), `${'00'.repeat(15)}01`, `f8${'00'.repeat(15)}`, `04${'00'.repeat(15)}`]
  expect(randomTopicId(() => Buffer.from(draws.shift()!, 'hex'))).toBe('BAAAAAAAAAAAAAAAAAAAAA')
  expect(draws).toEqual([])
})

test('what is no topic id cannot be written', () => {
  expect(() => formatPartitionMetadata('AAAAAAAAAAAAAAAAAAAAAA')).toThrowError(
    '"AAAAAAAAAAAAAAAAAAAAAA" is no topic id',
  )
  expect(() => topicIdToBytes('short')).toThrowError(expect.objectContaining({ code: 'LOGLADY_INVALID_ARGUMENT' }))
})
