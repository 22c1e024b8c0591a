/**
 * protocol.md, The recovery point decides what bad bytes are. Proven elsewhere:
 * below it every flipped bit and every cut is damage, for reads and for writers; at or above it a torn tail is "not yet", and
 * cut by the next writer; a bad batch with valid ones behind it stops reads, and the next writer keeps what it cuts; an
 * open reads next to nothing of what lies below: test/log/partition-log/torn-tail.test.ts;
 * which chain of batches behind damage counts: test/log/segment/resync-plan.test.ts;
 * the mark of a clean stop itself: test/log/file/clean-shutdown.test.ts; a reader's second look: followers.test.ts.
 */
import { appendFileSync, cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { DataDirectory } from '../../../src/log/data-directory.ts'
import { CorruptLogError } from '../../../src/log/errors.ts'
import { recoveryPointCheckpointFile } from '../../../src/log/file/names.ts'
import { readOffsetCheckpoint } from '../../../src/log/file/offset-checkpoint.ts'
import { readUnsyncedMark } from '../../../src/log/file/unsynced-mark.ts'
import { diskError, FileCalls, verbsThatWrite } from '../../helpers/file-calls.ts'
import { fixtureFolder } from '../../helpers/golden.ts'
import { batchOf, readRecords, TestPartition } from '../../helpers/partition.ts'
import { batchStarts } from '../../helpers/raw-segment.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

const LOG = '00000000000000000000.log'
const CHECKPOINT = recoveryPointCheckpointFile
const checkpointOf = (partition: TestPartition) => join(partition.path, CHECKPOINT)
const raisedTo = (partition: TestPartition) => readOffsetCheckpoint(checkpointOf(partition)).get('t 0')
const setCheckpoint = (partition: TestPartition, offset: number) =>
  writeFileSync(checkpointOf(partition), `0\n1\nt 0 ${offset}\n`)

const valuesOf = (partition: TestPartition) => partition.read().records.map(record => record.value)

test('it is raised only after a sync: a clean end without one leaves it', async () => {
  const partition = await TestPartition.create()
  const writer = await partition.writer()
  await writer.append(batchOf(['a', 'b']))
  await writer.sync()
  await writer.append(batchOf(['c']))
  await writer.close()
  expect(raisedTo(partition)).toBe(2)
  expect(valuesOf(partition)).toEqual(['a', 'b', 'c'])
})

test('at a clean end it is raised to what was synced, without a sync of its own', async () => {
  const partition = await TestPartition.create()
  const writer = await partition.writer()
  await writer.append(batchOf(['a']))
  const calls = new FileCalls()
  await writer.sync()
  expect(existsSync(checkpointOf(partition))).toBe(false)
  await writer.close()
  calls.stop()
  const order = calls.lines([...verbsThatWrite], ({ name }) => name.startsWith(CHECKPOINT) || name === LOG)
  expect(order).toEqual([`fdatasync-async ${LOG}`, `write ${CHECKPOINT}.tmp`, `rename ${CHECKPOINT}.tmp`])
  expect(raisedTo(partition)).toBe(1)
})

test('between roll and end it is raised with a sync, once in five seconds', async () => {
  let now = 1_700_000_000_000
  vi.spyOn(Date, 'now').mockImplementation(() => now)
  onTestFinished(() => {
    vi.restoreAllMocks()
  })
  const partition = await TestPartition.create()
  const writer = await partition.writer()
  const seen: (number | undefined)[] = []
  for (let i = 0; i < 9; i++) {
    await writer.append(batchOf([`${i}`]))
    await writer.sync()
    seen.push(raisedTo(partition))
    now += 2000
  }
  expect(seen).toEqual([undefined, undefined, undefined, 4, 4, 4, 7, 7, 7])
  await writer.close()
  expect(raisedTo(partition)).toBe(9)
})

test('no writer takes back what another one has raised', async () => {
  const partition = await TestPartition.create()
  const other = new TestPartition(partition.path)
  const [a, b] = [await partition.writer(), await other.writer()]
  await a.append(batchOf(['a']))
  await a.sync()
  await b.append(batchOf(['b', 'c']))
  await b.sync()
  await b.close()
  expect(raisedTo(partition)).toBe(3)
  await a.close()
  expect(raisedTo(partition)).toBe(3)
})

test('what others wrote unsynced is not vouched for by a writer that learns of it at its end', async () => {
  const partition = await TestPartition.create()
  const [a, b] = [await partition.writer(), await new TestPartition(partition.path).writer()]
  await a.append(batchOf(['a']))
  await a.sync()
  await b.append(batchOf(['b', 'c']))
  await a.close()
  expect(raisedTo(partition)).toBe(1)
  await b.close()
  expect(raisedTo(partition)).toBe(1)
})

test.each([
  ['unreadable', (path: string) => writeFileSync(path, '\0'.repeat(30))],
  ['lost', (path: string) => rmSync(path)],
  ['old', (path: string) => writeFileSync(path, '0\n1\nt 0 1\n')],
])('a checkpoint that is %s means a longer check, and no loss', async (_, damage) => {
  const partition = await TestPartition.create()
  await partition.append([['a'], ['b'], ['c']])
  damage(checkpointOf(partition))
  expect(valuesOf(partition)).toEqual(['a', 'b', 'c'])
  await partition.append([['d']])
  expect(valuesOf(partition)).toEqual(['a', 'b', 'c', 'd'])
  expect(raisedTo(partition)).toBe(4)
})

test('it is lowered, durably, before the records of a deleted topic go', async () => {
  const partition = await TestPartition.create()
  await partition.append([['a']])
  const calls = new FileCalls()
  await partition.directory.deleteTopic('t')
  calls.stop()
  const order = calls.lines(['fsync', 'rename', 'rm', 'unlink'])
  const lowered = order.indexOf(`rename ${CHECKPOINT}.tmp`)
  expect(order[lowered - 1]).toBe(`fsync ${CHECKPOINT}.tmp`)
  expect(order[lowered + 1]).toBe('fsync data')
  expect(order.indexOf('rename t-0')).toBeGreaterThan(lowered + 1)
  await partition.directory.createTopic('t')
  await partition.append([['new']])
  expect(valuesOf(partition)).toEqual(['new'])
})

test('damage below it names the offsets, refuses writers with a hint to repair, and gives no offset out again', async () => {
  const partition = await TestPartition.create()
  await partition.append([['a'], ['b'], ['c']])
  truncateSync(partition.file(LOG), batchStarts(partition.bytes(LOG))[1])
  const before = partition.bytes(LOG)
  for (const open of [() => partition.writer(), () => partition.directory.topicAppender('t')]) {
    const failure = await open().catch(error => error)
    expect(failure).toBeInstanceOf(CorruptLogError)
    expect(failure).toMatchObject({ path: partition.file(LOG), firstOffset: 1, lastOffset: 2 })
    expect(failure.hint).toContain('repair')
  }
  expect(partition.bytes(LOG)).toEqual(before)
  expect(partition.log.logEndOffset()).toBe(3)
  expect(partition.read().error).toMatchObject({ firstOffset: 1, lastOffset: 2 })
})

/** Three segments: 0-1, 2-3, 4-5. */
async function threeSegments() {
  const partition = await TestPartition.create({ 'segment.bytes': 1024 })
  await partition.append(Array.from({ length: 6 }, (_, i) => [`${i}`.repeat(400)]))
  expect(partition.logs()).toHaveLength(3)
  return partition
}
const segmentName = (base: number) => `${String(base).padStart(20, '0')}.log`

test.each([
  ['a segment that is gone', (partition: TestPartition) => rmSync(partition.file(segmentName(2))), 2, 3],
  [
    'a segment whose last batch is gone',
    (partition: TestPartition) => truncateSync(partition.file(LOG), batchStarts(partition.bytes(LOG))[1]),
    1,
    1,
  ],
])(
  '%s, with others behind it, is damage too: never passed over in silence',
  async (_, damage, firstOffset, lastOffset) => {
    const partition = await threeSegments()
    damage(partition)
    const { records, error } = partition.read()
    expect(error).toMatchObject({ path: partition.file(LOG), firstOffset, lastOffset })
    expect(records.map(record => record.offset)).toEqual([0, 1].slice(0, firstOffset))
    const reader = partition.log.reader({ from: 0 })
    expect(() => {
      for (;;) reader.next()
    }).toThrow(CorruptLogError)
    expect(reader.skipDamage()).toMatchObject({ bytes: 0, firstOffset, lastOffset })
    expect(reader.next()!.baseOffset).toBe(lastOffset + 1)
    reader.close()
  },
)

test('all segments gone is damage as well, not a new log', async () => {
  const partition = await threeSegments()
  for (const name of partition.logs()) rmSync(partition.file(name))
  await expect(partition.writer()).rejects.toMatchObject({ code: 'LOGLADY_CORRUPT_LOG', firstOffset: 0, lastOffset: 5 })
  expect(partition.logs()).toEqual([])
})

test('no writer goes on behind an empty segment whose predecessor has lost its end', async () => {
  const partition = await threeSegments()
  rmSync(checkpointOf(partition))
  truncateSync(partition.file(segmentName(4)), 0)
  truncateSync(partition.file(segmentName(2)), batchStarts(partition.bytes(segmentName(2)))[1])
  await expect(partition.writer()).rejects.toMatchObject({ firstOffset: 3, lastOffset: 3 })
})

test('recovery ends with an fdatasync before the first append: what a dead writer left becomes durable or is cut', async () => {
  const partition = await TestPartition.create()
  const dead = await partition.writer()
  await dead.append(batchOf(['a']))
  await dead.close()
  appendFileSync(partition.file(LOG), 'half a batch')
  const calls = new FileCalls()
  const writer = await partition.writer()
  await writer.append(batchOf(['b']))
  calls.stop()
  expect(calls.lines(['ftruncate', 'fdatasync', 'write'], ({ name }) => name === LOG)).toEqual([
    `ftruncate ${LOG}`,
    `fdatasync ${LOG}`,
    `write ${LOG}`,
  ])
  await writer.close()
  expect(valuesOf(partition)).toEqual(['a', 'b'])
})

test('also with nothing to cut, as the bytes may be no more than pages of a dead process', async () => {
  const partition = await TestPartition.create()
  const dead = await partition.writer()
  await dead.append(batchOf(['a']))
  await dead.close()
  const calls = new FileCalls()
  const writer = await partition.writer()
  expect(calls.lines(['fdatasync'])).toEqual([`fdatasync ${LOG}`])
  calls.stop()
  await writer.close()
  expect(raisedTo(partition)).toBe(1)
})

test('if that sync fails no writer opens, and the mark leaves the bytes to the next one', async () => {
  const partition = await TestPartition.create()
  await partition.append([['a']])
  const { length } = partition.bytes(LOG)
  const dead = await partition.writer()
  await dead.append(batchOf(['b']))
  await dead.close()
  const calls = new FileCalls({
    before({ verb, name }) {
      if (verb === 'fdatasync' && name === LOG) throw diskError('EIO')
    },
  })
  await expect(partition.writer()).rejects.toMatchObject({ code: 'LOGLADY_SYNC_FAILED' })
  calls.stop()
  const mark = readUnsyncedMark(partition.folder)!
  expect(mark.baseOffset).toBe(0)
  expect(mark.position).toBeLessThanOrEqual(length)
  await partition.append([['c']])
  expect(readUnsyncedMark(partition.folder)).toBeUndefined()
  expect(valuesOf(partition)).toEqual(['a', 'b', 'c'])
})

test('what is cut with valid batches behind it is kept, durably, before the cut', async () => {
  const partition = await TestPartition.create()
  await partition.append([['a'], ['b'], ['c']])
  setCheckpoint(partition, 1)
  const bytes = partition.bytes(LOG)
  const [, second] = batchStarts(bytes)
  bytes[second! + 65]! ^= 1
  writeFileSync(partition.file(LOG), bytes)
  const calls = new FileCalls()
  await (await partition.writer()).close()
  calls.stop()
  const kept = `${LOG}.${second}.cut`
  const order = calls.lines(['write', 'fdatasync', 'fsync', 'ftruncate'], ({ path }) => path.includes('/t-0'))
  expect(order.slice(0, 5)).toEqual([
    `write ${kept}`,
    `fdatasync ${kept}`,
    'fsync t-0',
    `ftruncate ${LOG}`,
    `fdatasync ${LOG}`,
  ])
  expect(partition.bytes(kept)).toEqual(bytes.subarray(second))
})

/** A copy of a directory that a broker wrote. */
function brokerDirectory(name: string): string {
  const path = join(temporaryFolder(), 'data')
  cpSync(join(fixtureFolder, 'broker', name, 'log-dir'), path, { recursive: true })
  return path
}

test("a broker's segments above its recovery point are synced before ours is put behind them", async () => {
  const path = brokerDirectory('segments')
  rmSync(join(path, CHECKPOINT), { force: true })
  const directory = DataDirectory.open(path)
  const topic = directory.topics().find(({ name }) => directory.partition(name, 0).segments().length > 3)!
  const logs = directory.partition(topic.name, 0).segments()
  const calls = new FileCalls()
  const writer = await directory.partitionWriter(topic.name, 0)
  calls.stop()
  const synced = calls.calls.filter(({ verb }) => verb === 'fdatasync').map(call => call.path)
  for (const { logPath } of logs) expect(synced).toContain(logPath)
  await writer.close()
  directory.close()
})

test("the broker's mark of a clean stop is gone, durably, before our first write, and nobody makes it again", async () => {
  const path = brokerDirectory('segments')
  const mark = join(path, '.kafka_cleanshutdown')
  writeFileSync(mark, '')
  const directory = DataDirectory.open(path)
  const [topic] = directory.topics()
  const before = readRecords(directory.partition(topic!.name, 0), directory.partition(topic!.name, 0).logStartOffset())
  expect(existsSync(mark)).toBe(true)
  const calls = new FileCalls()
  const writer = await directory.partitionWriter(topic!.name, 0)
  await writer.append(batchOf(['ours']))
  await writer.sync()
  await writer.close()
  calls.stop()
  directory.close()
  const order = calls.lines(['unlink', 'fsync', 'write', 'rename', 'ftruncate'])
  expect(order.slice(0, 2)).toEqual(['unlink .kafka_cleanshutdown', 'fsync data'])
  expect(calls.lines(['open'], ({ name }) => name === '.kafka_cleanshutdown')).toEqual([])
  expect(existsSync(mark)).toBe(false)
  const after = readRecords(DataDirectory.open(path).partition(topic!.name, 0), before.records[0]?.offset ?? 0)
  expect(after.records).toHaveLength(before.records.length + 1)
  expect(readFileSync(join(path, CHECKPOINT), 'latin1')).toContain(`${topic!.name} 0`)
})
