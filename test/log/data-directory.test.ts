/** What protocol.md says about the directory's files and locks: protocol/directory-files.test.ts and protocol/locks.test.ts. */
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { DataDirectory } from '../../src/log/data-directory.ts'
import {
  AlreadyExistsError,
  InvalidArgumentError,
  InvalidRecordError,
  LockedError,
  NotFoundError,
  RecordTooLargeError,
} from '../../src/log/errors.ts'
import type { BatchHeader } from '../../src/log/record/batch-header.ts'
import { codecs } from '../../src/log/record/compression/index.ts'
import { LibraryTopic, textOf } from '../helpers/library-topic.ts'
import { readIndexes } from '../helpers/raw-segment.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

test('a directory is opened, made if asked for, and refused if it is a file', () => {
  const folder = temporaryFolder()
  const path = join(folder, 'a', 'b')
  expect(() => DataDirectory.open(path)).toThrow(NotFoundError)
  const notes: string[] = []
  DataDirectory.open(path, { create: true, onNote: note => notes.push(note) })
  DataDirectory.open(path, { create: true, onNote: note => notes.push(note) })
  expect(notes).toEqual([`made the data directory ${path}`])
  expect(DataDirectory.open(path).topics()).toEqual([])
  writeFileSync(join(folder, 'file'), '')
  expect(() => DataDirectory.open(join(folder, 'file'), { create: true })).toThrow(InvalidArgumentError)
})

test('topics are listed by name, with what was set and what that means', async () => {
  const { directory } = await LibraryTopic.create({ partitions: 3, config: { 'segment.bytes': 4096 } })
  await directory.createTopic('a')
  expect(directory.topics().map(({ name }) => name)).toEqual(['a', 't'])
  const topic = directory.topic('t')
  expect(topic).toMatchObject({ name: 't', partitions: [0, 1, 2], isOwned: true })
  expect(topic.id).toMatch(/^[\w-]{22}$/)
  expect([...topic.overrides]).toEqual([['segment.bytes', '4096']])
  expect(topic.config).toMatchObject({ segmentBytes: 4096, maxMessageBytes: 1_048_588 })
  expect(DataDirectory.open(directory.path).topic('t')).toEqual(topic)
})

test('a topic that is not there is an error that names those that are', async () => {
  const { directory } = await LibraryTopic.create()
  expect(directory.hasTopic('u')).toBe(false)
  for (const action of [() => directory.topic('u'), () => directory.partition('u', 0), () => directory.read('u')]) {
    expect(action).toThrow(expect.objectContaining({ code: 'LOGLADY_NOT_FOUND', hint: 'there are: t' }))
  }
  await expect(directory.topicAppender('u')).rejects.toThrow(NotFoundError)
  await expect(directory.alterTopic('u', { partitions: 2 })).rejects.toThrow(NotFoundError)
  await expect(directory.deleteTopic('u')).rejects.toThrow(NotFoundError)
  expect(() => directory.partition('t', 1)).toThrow('topic t has no partition 1')
})

test.each(['', '.', '..', 'a b', 'a/b', 'ä', 'x'.repeat(250), '__secret', 'a.b'])(
  'no topic can be made with the name %j',
  async name => {
    const { directory } = await LibraryTopic.create()
    // Differs from a.b only in what a broker's metrics cannot tell apart.
    await directory.createTopic('a_b')
    await expect(directory.createTopic(name)).rejects.toThrow(InvalidArgumentError)
    expect(directory.topics().map(topic => topic.name)).toEqual(['a_b', 't'])
  },
)

test('a topic is made once, with a sensible number of partitions and a configuration that Kafka takes', async () => {
  const { directory } = await LibraryTopic.create()
  await expect(directory.createTopic('t')).rejects.toThrow(AlreadyExistsError)
  for (const partitions of [0, -1, 1.5, 100_001, Number.NaN]) {
    await expect(directory.createTopic('u', { partitions })).rejects.toThrow(InvalidArgumentError)
  }
  await expect(directory.createTopic('u', { config: { 'segment.byte': 1 } })).rejects.toMatchObject({
    hint: 'did you mean segment.bytes?',
  })
  await expect(directory.createTopic('u', { config: { 'segment.bytes': 'many' } })).rejects.toThrow(
    'segment.bytes must',
  )
  expect(directory.hasTopic('u')).toBe(false)
})

test('the same configuration can be given as an object and as a Map', async () => {
  const { directory } = await LibraryTopic.create()
  await directory.createTopic('object', { config: { 'segment.bytes': 2048, preallocate: true } })
  const entries = [
    ['segment.bytes', '2048'],
    ['preallocate', 'true'],
  ] as const
  await directory.createTopic('map', { config: new Map(entries) })
  expect(directory.topic('object').overrides).toEqual(directory.topic('map').overrides)
  await directory.alterTopic('object', { config: { preallocate: undefined } })
  await directory.alterTopic('map', { config: new Map([['preallocate', undefined]]) })
  expect([...directory.topic('object').overrides]).toEqual([['segment.bytes', '2048']])
  expect(directory.topic('object').overrides).toEqual(directory.topic('map').overrides)
})

test('partitions can be added and not taken away, and what there was stays', async () => {
  const topic = await LibraryTopic.create()
  const { directory } = topic
  await topic.appendValues(['old'])
  const { id } = directory.topic('t')
  await directory.alterTopic('t', { partitions: 3 })
  expect(directory.topic('t')).toMatchObject({ id, partitions: [0, 1, 2] })
  expect(existsSync(join(directory.path, 't-2', 'partition.metadata'))).toBe(true)
  await directory.append('t', [{ value: 'new', partition: 2 }])
  expect(await textOf(directory.read('t', { order: 'partition' }), 'value')).toEqual(['old', 'new'])
  await expect(directory.alterTopic('t', { partitions: 2 })).rejects.toThrow('they cannot become fewer')
  await expect(directory.alterTopic('t', { partitions: 100_001 })).rejects.toThrow(InvalidArgumentError)
})

test('a topic that a broker made can be read and not altered', async () => {
  const { directory } = await LibraryTopic.create()
  mkdirSync(join(directory.path, 'brokers-0'))
  writeFileSync(join(directory.path, 'brokers-0', `${'0'.repeat(20)}.log`), '')
  expect(directory.topic('brokers')).toMatchObject({ partitions: [0], isOwned: false })
  expect(directory.topic('brokers').id).toBeUndefined()
  await expect(directory.alterTopic('brokers', { partitions: 2 })).rejects.toThrow(InvalidArgumentError)
  expect(await textOf(directory.read('brokers'))).toEqual([])
})

test('a deleted topic leaves nothing, and one of its name is another one', async () => {
  const topic = await LibraryTopic.create({ partitions: 2 })
  const { directory } = topic
  await topic.appendValues(['a', 'b', 'c'])
  const { id } = directory.topic('t')
  const appender = await directory.topicAppender('t', { partition: 1 })
  await expect(directory.deleteTopic('t')).rejects.toThrow(LockedError)
  await appender.close()
  expect(await textOf(directory.read('t'))).toHaveLength(3)
  await directory.deleteTopic('t')
  expect(directory.topics()).toEqual([])
  expect(existsSync(join(directory.path, 't-0'))).toBe(false)
  await directory.createTopic('t')
  expect(directory.topic('t').id).not.toBe(id)
  expect(await textOf(directory.read('t'))).toEqual([])
})

test('close lets go of the lock, and the object can be used again', async () => {
  const topic = await LibraryTopic.create()
  expect(topic.openFiles()).toEqual(process.platform === 'linux' ? [join(topic.directory.path, '.lock')] : [])
  topic.directory.close()
  topic.directory.close()
  expect(topic.openFiles()).toEqual([])
  await topic.appendValues(['again'])
  expect(await textOf(topic.directory.read('t'), 'value')).toEqual(['again'])
})

// The configuration that is honoured.

const value = 'x'.repeat(300)

test('segment.bytes: no segment grows beyond it, and a batch that fits into none is refused', async () => {
  const topic = await LibraryTopic.create({ config: { 'segment.bytes': 1500 } })
  for (let i = 0; i < 20; i++) await topic.appendValues([value])
  expect(topic.logs().map(topic.baseOffset)).toEqual([0, 4, 8, 12, 16])
  for (const log of topic.logs()) expect(statSync(log).size).toBeLessThanOrEqual(1500)
  await expect(topic.appendValues(['y'.repeat(1500)])).rejects.toThrow(RecordTooLargeError)
})

test('segment.ms: a record so much younger than the first of its segment goes into the next one', async () => {
  const topic = await LibraryTopic.create({ config: { 'segment.ms': 1000 } })
  for (const timestamp of [5000, 5999, 6000, 6001, 6500, 7002]) await topic.appendTimes([{ partition: 0, timestamp }])
  expect(topic.logs().map(topic.baseOffset)).toEqual([0, 3, 5])
})

test('segment.index.bytes: a segment with a full index is closed', async () => {
  const topic = await LibraryTopic.create({ config: { 'segment.index.bytes': 32, 'index.interval.bytes': 0 } })
  for (let i = 0; i < 20; i++) await topic.appendValues([value])
  const logs = topic.logs()
  expect(logs.length).toBeGreaterThan(3)
  for (const log of logs) {
    const { index, timeIndex } = readIndexes(log)
    expect(index.length).toBeLessThanOrEqual(32)
    expect(timeIndex.length).toBeLessThanOrEqual(32)
  }
})

test.each([
  [0, 19],
  [1000, 6],
  [10_000, 0],
])('index.interval.bytes of %i: %i entries for 20 batches of 370 bytes', async (interval, entries) => {
  const topic = await LibraryTopic.create({ config: { 'index.interval.bytes': interval } })
  for (let i = 0; i < 20; i++) await topic.appendValues([value])
  const [log] = topic.logs()
  expect(statSync(log!).size).toBe(20 * 370)
  expect(readIndexes(log!).index.length / 8).toBe(entries)
})

test('max.message.bytes: batches stay below it, and a larger record is refused while the others are written', async () => {
  const topic = await LibraryTopic.create({ config: { 'max.message.bytes': 1000 } })
  await topic.appendValues(Array.from({ length: 10 }, () => value))
  for (const size of batchesOf(topic).map(header => header.sizeInBytes)) expect(size).toBeLessThanOrEqual(1000)
  const records = [{ value: 'before' }, { value: 'y'.repeat(1000) }, { value: 'behind' }]
  await expect(topic.directory.append('t', records)).rejects.toThrow(RecordTooLargeError)
  expect(await textOf(topic.directory.read('t', { from: 10 }), 'value')).toEqual(['before'])
})

test.each(codecs)('compression.type: the topic’s %s, unless the appender says another', async codec => {
  const type = codec === 'none' ? 'uncompressed' : codec
  const topic = await LibraryTopic.create({ config: { 'compression.type': type } })
  await topic.appendValues([value])
  await topic.directory.append('t', [{ value }], { compression: 'gzip' })
  expect(batchesOf(topic).map(header => codecs[header.codecId])).toEqual([codec, 'gzip'])
  expect(await textOf(topic.directory.read('t'), 'value')).toEqual([value, value])
})

test('message.timestamp.type=LogAppendTime: records get the time of their batch, whatever time they bring', async () => {
  const topic = await LibraryTopic.create({ config: { 'message.timestamp.type': 'LogAppendTime' } })
  const before = Date.now()
  await topic.directory.append('t', [{ value, timestamp: 5 }, { value }])
  const records = await Array.fromAsync(topic.directory.read('t'))
  for (const { timestamp, timestampType } of records) {
    expect(timestampType).toBe('LogAppendTime')
    expect(timestamp).toBeGreaterThanOrEqual(before)
    expect(timestamp).toBe(records[0]!.timestamp)
  }
})

test('cleanup.policy=compact: a record without a key is refused', async () => {
  const topic = await LibraryTopic.create({ config: { 'cleanup.policy': 'compact' } })
  await expect(topic.appendValues([value])).rejects.toThrow(InvalidRecordError)
  await topic.directory.append('t', [
    { key: '', value },
    { key: 'k', value: null },
  ])
  expect(await textOf(topic.directory.read('t'))).toHaveLength(2)
})

test('what was changed holds for the next appender', async () => {
  const topic = await LibraryTopic.create()
  await topic.appendValues([value])
  await topic.directory.alterTopic('t', { config: { 'segment.bytes': 1024, 'compression.type': 'lz4' } })
  for (let i = 0; i < 4; i++) await topic.appendValues([`${i}`.repeat(700)])
  expect(batchesOf(topic).map(header => codecs[header.codecId])).toEqual(['none', 'lz4', 'lz4', 'lz4', 'lz4'])
  await topic.directory.append('t', [{ value }, { value: 'y'.repeat(700) }], { compression: 'none', batchBytes: 1 })
  expect(topic.logs().length).toBeGreaterThan(1)
})

/** Copies of the headers of partition 0. */
function batchesOf(topic: LibraryTopic): { sizeInBytes: number; codecId: number }[] {
  const reader = topic.directory.partition('t', 0).reader({ from: 0 })
  onTestFinished(() => reader.close())
  const batches: { sizeInBytes: number; codecId: number }[] = []
  for (let header: BatchHeader | undefined = reader.next(); header !== undefined; header = reader.next()) {
    batches.push({ sizeInBytes: header.sizeInBytes, codecId: header.codecId })
  }
  return batches
}
