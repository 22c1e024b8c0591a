/**
 * protocol.md, Indexes. Proven elsewhere:
 * a closed segment has the very indexes of a fresh build, and reads by offset and by time stay right with indexes that are
 * lost, short, padded or lie: test/log/partition-log/lost-indexes.test.ts;
 * entries that a dead writer left out: one-write.test.ts; sealed segments beside many writers: roll.test.ts;
 * what `reindex` builds, and that it replaces under the lock: test/log/maintenance/.
 */
import { copyFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { WRITE } from '../../../src/log/file/lock-file.ts'
import { metaPropertiesFile } from '../../../src/log/file/names.ts'
import { TimeIndex } from '../../../src/log/file/time-index.ts'
import { FileCalls } from '../../helpers/file-calls.ts'
import { isHeld } from '../../helpers/lock-probe.ts'
import { batchOf, TestPartition } from '../../helpers/partition.ts'
import { freshIndexes, readIndexes } from '../../helpers/raw-segment.ts'

const INTERVAL = 200
const config = { 'index.interval.bytes': INTERVAL }
const LOG = '00000000000000000000.log'
const INDEX = '00000000000000000000.index'
const TIME_INDEX = '00000000000000000000.timeindex'

const fresh = (partition: TestPartition) => freshIndexes(partition.file(LOG), 0, INTERVAL)
const found = (partition: TestPartition) => readIndexes(partition.file(LOG))
/** Without the entry that a clean close forces. */
const unforced = (partition: TestPartition) => {
  const { index, timeIndex } = fresh(partition)
  return { index, timeIndex: timeIndex.subarray(0, timeIndex.length - 12) }
}

function lastTime(partition: TestPartition): { timestamp: number; offset: number } {
  const index = TimeIndex.open(partition.file(TIME_INDEX), 0)!
  try {
    return index.entry(index.entries - 1)
  } finally {
    index.close()
  }
}

/** Eleven batches, every third with an entry; the last one raises the largest time, and no index entry has been due since. */
async function closedLog() {
  const partition = await TestPartition.create(config)
  const writer = await partition.writer()
  for (let i = 0; i < 11; i++) await writer.append(batchOf([`value ${i}`], 1000 + i))
  expect(found(partition)).toEqual(unforced(partition))
  await writer.close()
  return partition
}

test('a clean close forces a last time entry with the largest timestamp', async () => {
  const partition = await closedLog()
  expect(found(partition)).toEqual(fresh(partition))
  expect(lastTime(partition)).toEqual({ timestamp: 1010, offset: 10 })
})

test('the next writer cuts that entry before it appends', async () => {
  const partition = await closedLog()
  const calls = new FileCalls()
  const writer = await partition.writer()
  await writer.append(batchOf(['later'], 2000))
  calls.stop()
  const order = calls.lines(['ftruncate', 'write'], ({ name }) => name === TIME_INDEX || name === LOG)
  expect(order.slice(0, 2)).toEqual([`ftruncate ${TIME_INDEX}`, `write ${LOG}`])
  for (let i = 0; i < 20; i++) await writer.append(batchOf(['more'], 2001 + i))
  await writer.close()
  expect(found(partition)).toEqual(fresh(partition))
})

test('so does one that was there already', async () => {
  const partition = await TestPartition.create(config)
  const [a, b] = [await partition.writer(), await new TestPartition(partition.path).writer()]
  for (let i = 0; i < 11; i++) await a.append(batchOf([`value ${i}`], 1000 + i))
  await a.close()
  expect(lastTime(partition)).toEqual({ timestamp: 1010, offset: 10 })
  await b.append(batchOf(['earlier'], 500))
  expect(found(partition)).toEqual(unforced(partition))
  for (let i = 0; i < 20; i++) await b.append(batchOf(['more'], 900 + 10 * i))
  await b.close()
  expect(found(partition)).toEqual(fresh(partition))
})

test('a writer that comes and goes without a record leaves them as it found them', async () => {
  const partition = await closedLog()
  await (await partition.writer()).close()
  expect(found(partition)).toEqual(fresh(partition))
})

test('a clean close adds no entry where the last one says it all', async () => {
  const partition = await TestPartition.create(config)
  const writer = await partition.writer()
  await writer.append(batchOf(['x'.repeat(300)], 5000))
  await writer.append(batchOf(['y'.repeat(300)], 1000))
  const before = found(partition)
  expect(before.timeIndex).toHaveLength(12)
  await writer.close()
  expect(found(partition)).toEqual(before)
  expect(lastTime(partition)).toEqual({ timestamp: 5000, offset: 0 })
})

test('the position of the last entry is all the state that writers share: whoever writes, the entries are the same', async () => {
  const partition = await TestPartition.create(config)
  const [a, b] = [await partition.writer(), await new TestPartition(partition.path).writer()]
  for (let i = 0; i < 90; i++) {
    const batch = batchOf([`${i} ${'x'.repeat((i * 31) % 90)}`], 1000 + ((i * 37) % 100))
    if (i % 30 === 29) {
      const c = await new TestPartition(partition.path).writer()
      await c.append(batch)
      await c.close()
    } else await [a, b][((i * 5) % 3) % 2]!.append(batch)
  }
  await Promise.all([a.close(), b.close()])
  const { index, timeIndex } = fresh(partition)
  expect(index.length).toBeGreaterThan(20 * 8)
  expect(found(partition)).toEqual({ index, timeIndex })
})

test("an interval that the topic's configuration changed counts from the next writer on, as entries are never evidence", async () => {
  const partition = await closedLog()
  await partition.directory.alterTopic('t', { config: new Map([['index.interval.bytes', '1']]) })
  const before = found(partition).index
  await partition.append([['a'], ['b']], 3000)
  const after = found(partition).index
  expect(after.subarray(0, before.length)).toEqual(before)
  expect(after.length).toBeGreaterThanOrEqual(before.length + 16)
  expect(partition.read().records).toHaveLength(13)
})

test('an index is replaced under byte 0 alone: temporary file, fsync, rename, fsync of the folder', async () => {
  const partition = await closedLog()
  writeFileSync(partition.file(INDEX), Buffer.alloc(24, 7))
  const held: boolean[] = []
  const calls = new FileCalls({
    before({ verb }) {
      if (verb === 'rename') held.push(isHeld(partition.file('.lock'), WRITE, 'exclusively'))
    },
  })
  const writer = await partition.writer()
  calls.stop()
  const order = calls.lines(['write', 'fsync', 'rename'], ({ name }) => name.includes('index') || name === 't-0')
  const durably = (name: string) => [`write ${name}.tmp`, `fsync ${name}.tmp`, `rename ${name}.tmp`, 'fsync t-0']
  expect(order).toEqual([...durably(INDEX), ...durably(TIME_INDEX)])
  expect(held).toEqual([true, true])
  await writer.close()
  expect(found(partition)).toEqual(fresh(partition))
})

test.each([INDEX, TIME_INDEX])(
  'a writer whose %s was replaced opens the new one, and what it adds goes there',
  async name => {
    const partition = await TestPartition.create(config)
    const writer = await partition.writer()
    for (let i = 0; i < 20; i++) await writer.append(batchOf([`value ${i}`], 1000 + i))
    // As reindex does, under the lock.
    copyFileSync(partition.file(name), partition.file('copy'))
    renameSync(partition.file('copy'), partition.file(name))
    const { ino, size } = statSync(partition.file(name))
    for (let i = 20; i < 40; i++) await writer.append(batchOf([`value ${i}`], 1000 + i))
    expect(statSync(partition.file(name)).ino).toBe(ino)
    expect(statSync(partition.file(name)).size).toBeGreaterThan(size)
    await writer.close()
    expect(found(partition)).toEqual(fresh(partition))
    expect(partition.read().records).toHaveLength(40)
  },
)

test.each(['loglady alone', 'a broker'])(
  'an entry that leads behind its offset is never evidence, where %s wrote',
  async who => {
    const partition = await TestPartition.create(config)
    await partition.append(Array.from({ length: 40 }, (_, i) => [`value ${i}`]))
    if (who === 'a broker') writeFileSync(join(partition.path, metaPropertiesFile), '')
    const index = found(partition).index
    const lying = Buffer.from(index)
    // Each entry with the position of the third one behind it: a batch stands there, valid, and too late.
    for (let at = 0; at + 24 < index.length; at += 8) index.copy(lying, at + 4, at + 28, at + 32)
    writeFileSync(partition.file(INDEX), lying)
    for (let offset = 0; offset < 40; offset++) expect(partition.read(offset).records[0]?.offset).toBe(offset)
  },
)

test('entries that a power cut left ahead of the log are cut, whatever they say', async () => {
  const partition = await closedLog()
  const { index } = fresh(partition)
  const ahead = Buffer.alloc(8)
  ahead.writeInt32BE(11, 0)
  ahead.writeInt32BE(partition.bytes(LOG).length, 4)
  writeFileSync(partition.file(INDEX), Buffer.concat([index, ahead]))
  expect(partition.read(10).records).toHaveLength(1)
  expect(partition.read(11).records).toEqual([])
  await partition.append([['next']], 4000)
  expect(found(partition)).toEqual(fresh(partition))
})
