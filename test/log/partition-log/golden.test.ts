import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DataDirectory } from '../../../src/log/data-directory.ts'
import type { BatchHeader } from '../../../src/log/record/batch-header.ts'
import { RecordCursor } from '../../../src/log/record/record-cursor.ts'
import { type ExpectedRecord, expectedOffsets, expectedRecords, goldenCases } from '../../helpers/golden.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

/** Every partition of every directory that a real broker left, through the door that the commands use. */
describe.each(goldenCases())('the broker directory $name', golden => {
  const partitions = expectedOffsets(golden)
  const records = expectedRecords(golden)!

  test.each(partitions)(
    '$topic/$partition starts and ends where the broker says, and reads as its consumer did',
    row => {
      const directory = DataDirectory.open(golden.logDirectory)
      const log = directory.partition(row.topic, row.partition)
      expect({ start: log.logStartOffset(), end: log.logEndOffset() }).toEqual({
        start: row.logStartOffset,
        end: row.logEndOffset,
      })
      const expected = records.filter(record => record.topic === row.topic && record.partition === row.partition)
      expect(readAll(log, row.logStartOffset, row.logEndOffset, row)).toEqual(expected)
    },
  )

  test.each(partitions)('$topic/$partition reads the same backwards', row => {
    const directory = DataDirectory.open(golden.logDirectory)
    const log = directory.partition(row.topic, row.partition)
    const forward = offsetsOf(log.reader({ from: row.logStartOffset, until: row.logEndOffset }), row.logStartOffset)
    const backward = offsetsOf(log.backwardReader(), row.logStartOffset)
    expect(backward).toEqual(forward.reverse())
  })

  test.each(partitions)('$topic/$partition is found at every offset, by its index', row => {
    const directory = DataDirectory.open(golden.logDirectory)
    const log = directory.partition(row.topic, row.partition)
    const expected = records.filter(record => record.topic === row.topic && record.partition === row.partition)
    for (const { offset } of expected) {
      const reader = log.reader({ from: offset })
      const header = reader.next()!
      expect(header.lastOffset).toBeGreaterThanOrEqual(offset)
      if (header.magic === 2) expect(header.baseOffset).toBeLessThanOrEqual(offset)
      reader.close()
    }
  })

  test.each(partitions)('$topic/$partition goes on after a writer of ours opened it', async row => {
    const copy = join(temporaryFolder(), 'log-dir')
    cpSync(golden.logDirectory, copy, { recursive: true })
    const directory = DataDirectory.open(copy)
    const appender = await directory.topicAppender(row.topic, { partition: row.partition })
    const value = Buffer.from('from loglady')
    appender.append(value, 0, 4, value, 0, value.length)
    const summary = await appender.close()
    expect(summary.partitions).toMatchObject([{ baseOffset: row.logEndOffset, lastOffset: row.logEndOffset }])
    const log = directory.partition(row.topic, row.partition)
    const expected = records.filter(record => record.topic === row.topic && record.partition === row.partition)
    expect(readAll(log, row.logStartOffset, row.logEndOffset, row)).toEqual(expected)
    expect(log.logEndOffset()).toBe(row.logEndOffset + 1)
    directory.close()
  })
})

function readAll(
  log: { reader(options: { from: number; until: number }): { next(): BatchHeader | undefined; close(): void } },
  from: number,
  until: number,
  { topic, partition }: { topic: string; partition: number },
): ExpectedRecord[] {
  const reader = log.reader({ from, until })
  const cursor = new RecordCursor()
  const found: ExpectedRecord[] = []
  for (let header = reader.next(); header !== undefined; header = reader.next()) {
    if (header.isControl) continue
    const { isLogAppendTime } = header
    cursor.open(header)
    while (cursor.next()) {
      if (cursor.offset < from || cursor.offset >= until) continue
      found.push({
        topic,
        partition,
        offset: cursor.offset,
        timestamp: cursor.timestamp,
        timestampType: isLogAppendTime ? 'LogAppendTime' : 'CreateTime',
        keyB64: cursor.key()?.toString('base64') ?? null,
        valueB64: cursor.value()?.toString('base64') ?? null,
        headers: cursor.headers().map(([name, value]) => [name.toString(), value?.toString('base64') ?? null]),
      })
    }
  }
  reader.close()
  return found
}

function offsetsOf(reader: { next(): BatchHeader | undefined; close(): void }, from: number): number[] {
  const offsets: number[] = []
  for (let header = reader.next(); header !== undefined; header = reader.next()) {
    if (header.lastOffset >= from) offsets.push(header.lastOffset)
  }
  reader.close()
  return offsets
}
