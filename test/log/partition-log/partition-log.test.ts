import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { logStartOffsetCheckpointFile } from '../../../src/log/file/names.ts'
import { updateOffsetCheckpoint } from '../../../src/log/file/offset-checkpoint.ts'
import { batchOf, TestPartition } from '../../helpers/partition.ts'
import { freshIndexes, readIndexes } from '../../helpers/raw-segment.ts'

async function startAt(partition: TestPartition, offset: number): Promise<void> {
  await updateOffsetCheckpoint(partition.path, logStartOffsetCheckpointFile, new Map([['t 0', offset]]), {
    durable: false,
  })
}

test('times of records below a log start inside a segment count for nothing', async () => {
  const partition = await TestPartition.create()
  const writer = await partition.writer()
  for (const timestamp of [900, 800, 300, 500, 400]) await writer.append(batchOf(['x', 'y'], timestamp))
  await writer.close()
  const { log } = partition
  expect(log.maxTimestamp()).toEqual({ offset: 0, timestamp: 900 })
  await startAt(partition, 1)
  expect(log.maxTimestamp()).toEqual({ offset: 1, timestamp: 900 })
  await startAt(partition, 4)
  expect(log.maxTimestamp()).toEqual({ offset: 6, timestamp: 500 })
  expect(log.offsetForTimestamp(400)).toEqual({ offset: 6, timestamp: 500 })
  expect(log.offsetForTimestamp(600)).toBeUndefined()
  await startAt(partition, 10)
  expect(log.maxTimestamp()).toBeUndefined()
})

test('a log that ends below its log start takes no record, which nobody could read', async () => {
  const partition = await TestPartition.create()
  await partition.append([['a', 'b', 'c']])
  await startAt(partition, 5)
  expect(partition.log.logEndOffset()).toBe(5)
  expect(partition.read().records).toEqual([])
  await expect(partition.writer()).rejects.toMatchObject({
    code: 'LOGLADY_CORRUPT_LOG',
    message: 'the log ends here, below its log start offset 5',
    path: join(partition.folder, '00000000000000000000.log'),
    firstOffset: 3,
    lastOffset: 4,
  })
})

test('a writer that finds that others rolled several times leaves the indexes of every sealed segment alone', async () => {
  const partition = await TestPartition.create({ 'segment.bytes': 1024 })
  const [slow, busy] = [await partition.writer(), await partition.writer()]
  await slow.append(batchOf(['first'], 1000))
  for (let i = 0; i < 12; i++) await busy.append(batchOf([`${i} ${'x'.repeat(300)}`], 2000 + i))
  await slow.append(batchOf(['last'], 3000))
  await slow.close()
  await busy.close()
  const segments = partition.log.segments()
  expect(segments.length).toBeGreaterThan(4)
  for (const { logPath, baseOffset } of segments) {
    expect(readIndexes(logPath), logPath).toEqual(freshIndexes(logPath, baseOffset, 4096))
  }
})

test('reads by time stay right when a sealed time index has lost its last entries, and time went up and down', async () => {
  const partition = await TestPartition.create({ 'segment.bytes': 3000, 'index.interval.bytes': 0 })
  const writer = await partition.writer()
  const times = [10, 20, 90, 30, 5, 40, 41, 42, 80, 43, 44, 45, 46, 47, 48, 49]
  for (const time of times) await writer.append(batchOf(['x'.repeat(200)], time))
  await writer.close()
  const [first] = partition.log.segments()
  truncateSync(first!.timeIndexPath!, 12)
  for (const time of [0, 15, 25, 60, 85, 90, 91]) {
    const offset = times.findIndex(candidate => candidate >= time)
    const expected = offset < 0 ? undefined : { offset, timestamp: times[offset] }
    expect(partition.log.offsetForTimestamp(time), `time ${time}`).toEqual(expected)
  }
  expect(partition.log.maxTimestamp()).toEqual({ offset: 2, timestamp: 90 })
})
